"""Logging in, staying logged in, logging out."""

from dataclasses import dataclass, field

from subgraphs.kit.auth import Viewer
from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres import Postgres
from subgraphs.kit.revocations import RedisRevocations
from subgraphs.users.domain import Authentication, Device, Session, SessionId
from subgraphs.users.errors import AccountDisabled, SessionEnded, WrongCredentials
from subgraphs.users.passwords import Passwords
from subgraphs.users.refresh_tokens import RefreshToken
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.settings import UsersJwtSettings
from subgraphs.users.store import SessionStore, UserStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A password, and one of the two names of an account."""

    email: str | None = None
    username: str | None = None
    password: str = field(repr=False)


class Sessions:
    def __init__(
        self,
        postgres: Postgres,
        passwords: Passwords,
        authenticator: Authenticator,
        revocations: RedisRevocations,
        settings: UsersJwtSettings,
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._authenticator = authenticator
        self._revocations = revocations
        self._settings = settings

    async def login(self, login: Login, *, device: Device) -> Authentication:
        """Open a session for whoever knows the password.

        Raises ValidationFailed unless exactly one name is given; WrongCredentials, after the same work,
        whether the account or the password does not exist; AccountDisabled only to who knows the
        password; RateLimited when too many want to at once.
        """
        if bool(login.email) == bool(login.username):
            raise ValidationFailed("Give either the e-mail address or the username.", field="email")
        async with self._postgres.read() as connection:
            found = await UserStore(connection).credentials(
                username=login.username or None, email=login.email or None
            )
        known_hash = found.password_hash if found else None
        if not await self._passwords.verify(login.password, known_hash) or found is None:
            raise WrongCredentials
        if not found.user.active:
            raise AccountDisabled
        new_hash = (
            await self._passwords.hash(login.password)
            if self._passwords.outdated(found.password_hash)
            else None
        )
        async with self._postgres.unit_of_work() as connection:
            if new_hash is not None:
                await UserStore(connection).rehash(found.user.id, old=found.password_hash, new=new_hash)
            return await self._authenticator.open_session(connection, found.user, device=device)

    async def refresh(self, text: str, *, device: Device) -> Authentication:
        """Exchange a refresh token for the next one and a new access token.

        The token that was just rotated out gives the same successor for a short grace: the answer may
        have been lost, or two tabs have asked at once. Any older one has two holders, so the session
        ends (RFC 9700, 4.14.2).

        Raises SessionEnded, or AccountDisabled.
        """
        token = RefreshToken.parse(text)
        if token is None:
            raise SessionEnded
        async with self._postgres.unit_of_work() as connection:
            store = SessionStore(connection)
            current = await self._succeed(store, token, device)
            if current is None:
                reused = await store.end_reused(token)
            else:
                session, successor = current
                user = await UserStore(connection).get(session.user_id)
                if user is None or not user.active:
                    raise AccountDisabled
                return self._authenticator.authentication(user, session, successor)
        if reused is not None:
            log.warning("refresh_token_reused", session_id=reused.id, user_id=reused.user_id)
            await self._revoke(reused.id)
        raise SessionEnded

    async def _succeed(
        self, store: SessionStore, token: RefreshToken, device: Device
    ) -> tuple[Session, RefreshToken] | None:
        successor = token.successor()
        session = await store.rotate(token, successor, device=device, lifetime=self._settings.refresh_in)
        if session is not None:
            return session, successor
        return await store.replay(token, grace=self._settings.refresh_grace)

    async def logout(self, viewer: Viewer) -> SessionId:
        """End the viewer's session, its access tokens included. Raises Unauthenticated."""
        viewer.require_user()
        if viewer.session_id is None:
            raise SessionEnded
        session_id = SessionId(viewer.session_id)
        async with self._postgres.unit_of_work() as connection:
            await SessionStore(connection).end(session_id)
        await self._revoke(session_id)
        return session_id

    async def _revoke(self, session_id: SessionId) -> None:
        lifetime = self._settings.expires_in + self._settings.leeway
        await self._revocations.revoke(session_id, lifetime=lifetime)

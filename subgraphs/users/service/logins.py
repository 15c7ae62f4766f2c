"""Logging in, and staying logged in."""

from dataclasses import dataclass, field

from subgraphs.kit.errors import RateLimited, ValidationFailed
from subgraphs.kit.http.client_address import network_of
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.credentials.refresh_tokens import RefreshToken
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.errors import AccountDisabled, SessionEnded, WrongCredentials
from subgraphs.users.domain.session import Authentication, Session
from subgraphs.users.domain.user import User
from subgraphs.users.metrics import LOGINS
from subgraphs.users.service.authentication import Authenticator
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.service.revocations import RevocationPublisher
from subgraphs.users.settings import UsersJwtSettings
from subgraphs.users.store import ActivityStore, Credentials, CredentialStore, SessionStore, UserStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A password, and one of the two names of an account."""

    email: str | None = None
    username: str | None = None
    password: str = field(repr=False)


class Logins:
    def __init__(
        self,
        *,
        postgres: Postgres,
        passwords: Passwords,
        authenticator: Authenticator,
        rate_limits: RateLimits,
        revocations: RevocationPublisher,
        settings: UsersJwtSettings,
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._authenticator = authenticator
        self._rate_limits = rate_limits
        self._revocations = revocations
        self._settings = settings

    async def login(self, login: Login, *, device: Device) -> Authentication:
        """Open a session for whoever knows the password.

        Raises ValidationFailed unless exactly one name is given; WrongCredentials, after the same work,
        whether the account or the password does not exist; AccountDisabled only to who knows the
        password; RateLimited after too many failures, or when too many want to at once.
        """
        if bool(login.email) == bool(login.username):
            raise ValidationFailed("Give either the e-mail address or the username.", field="email")
        found = await self._find(login, device)
        guard = await self._rate_limits.login(
            login.email or login.username or "",
            device=device,
            known=found is not None and found.known_network,
        )
        async with guard:
            user, session, token = await self._open(login, found, device)
        LOGINS.labels("succeeded").inc()
        return await self._authenticator.authentication(user, session, token)

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
        reused = user = None
        async with self._postgres.unit_of_work() as connection:
            store = SessionStore(connection)
            current = await self._succeed(store, token, device)
            if current is None:
                reused = await store.end_reused(token)
                if reused is not None:
                    entry = ActivityEntry(
                        kind=ActivityKind.REFRESH_TOKEN_REUSED, user_id=reused.user_id, device=device
                    )
                    await ActivityStore(connection).add(entry)
            else:
                user = await UserStore(connection).get(current[0].user_id)
                if user is None or not user.active:
                    raise AccountDisabled
        if current is not None and user is not None:
            return await self._authenticator.authentication(user, *current)
        if reused is not None:
            log.warning("refresh_token_reused", session_id=reused.id, user_id=reused.user_id)
            await self._revocations.publish()
        raise SessionEnded

    async def _succeed(
        self, store: SessionStore, token: RefreshToken, device: Device
    ) -> tuple[Session, RefreshToken] | None:
        successor = token.successor()
        session = await store.rotate(token, successor, device=device, lifetime=self._settings.refresh_in)
        if session is not None:
            return session, successor
        return await store.replay(token, grace=self._settings.refresh_grace)

    async def _find(self, login: Login, device: Device) -> Credentials | None:
        async with self._postgres.read() as connection:
            return await CredentialStore(connection).find(
                username=login.username or None,
                email=login.email or None,
                network=network_of(device.address),
            )

    async def _open(
        self, login: Login, found: Credentials | None, device: Device
    ) -> tuple[User, Session, RefreshToken]:
        """A session for the right password. What fails is written down, for any name at the same cost."""
        for _ in range(2):
            known_hash = found.password_hash if found else None
            if not await self._passwords.verify(login.password, known_hash) or found is None:
                break
            async with self._postgres.unit_of_work() as connection:
                user = await CredentialStore(connection).lock_unchanged(found)
                if user is not None and user.active:
                    session, token = await self._authenticator.open_session(connection, user, device=device)
                    entry = ActivityEntry(
                        kind=ActivityKind.LOGGED_IN, user_id=user.id, actor_id=user.id, device=device
                    )
                    await ActivityStore(connection).add(entry)
            if user is not None and not user.active:
                await self._note_failure(found, device, detail="the account is disabled")
                raise AccountDisabled
            if user is not None:
                await self._rehash(found, login.password)
                return user, session, token
            # The hash was replaced while the old one was checked: by another password, or by a better hash.
            found = await self._find(login, device)
        await self._note_failure(found, device)
        raise WrongCredentials

    async def _note_failure(
        self, found: Credentials | None, device: Device, *, detail: str | None = None
    ) -> None:
        LOGINS.labels("failed").inc()
        # Never the name that was typed: where no account has it, it may well be a password.
        user_id = found.user.id if found else None
        entry = ActivityEntry(kind=ActivityKind.LOGIN_FAILED, user_id=user_id, device=device, detail=detail)
        async with self._postgres.unit_of_work() as connection:
            await ActivityStore(connection).add(entry)

    async def _rehash(self, found: Credentials, password: str) -> None:
        if not self._passwords.outdated(found.password_hash):
            return
        try:
            new = await self._passwords.hash(password)
        except RateLimited:
            return  # at a quieter time
        async with self._postgres.unit_of_work() as connection:
            await CredentialStore(connection).rehash(found.user.id, old=found.password_hash, new=new)

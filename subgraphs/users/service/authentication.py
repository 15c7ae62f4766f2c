"""Giving out tokens, which a registration and a login end with alike."""

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.users.access_tokens import AccessTokens
from subgraphs.users.domain import Authentication, Device, Session, User
from subgraphs.users.refresh_tokens import RefreshToken
from subgraphs.users.settings import UsersJwtSettings
from subgraphs.users.store import SessionStore


class Authenticator:
    def __init__(self, access_tokens: AccessTokens, settings: UsersJwtSettings) -> None:
        self._access_tokens = access_tokens
        self._settings = settings

    async def open_session(
        self, connection: AsyncConnection, user: User, *, device: Device
    ) -> Authentication:
        """Tokens of a new session, in the caller's transaction."""
        token = RefreshToken.new()
        session = await SessionStore(connection).open(
            user.id, token, device=device, lifetime=self._settings.refresh_in
        )
        return self.authentication(user, session, token)

    def authentication(self, user: User, session: Session, token: RefreshToken) -> Authentication:
        access_token, expires_at = self._access_tokens.issue(user, session.id)
        return Authentication(
            user=user, access_token=access_token, expires_at=expires_at, refresh_token=token.text
        )

"""Giving out tokens, which a registration and a login end with alike."""

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.users.credentials.access_tokens import AccessTokens
from subgraphs.users.credentials.refresh_tokens import RefreshToken
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.session import Authentication, Session
from subgraphs.users.domain.user import User
from subgraphs.users.service.role_permissions import RolePermissions
from subgraphs.users.settings import UsersJwtSettings
from subgraphs.users.store import SessionStore


class Authenticator:
    def __init__(
        self, *, access_tokens: AccessTokens, permissions: RolePermissions, settings: UsersJwtSettings
    ) -> None:
        self._access_tokens = access_tokens
        self._permissions = permissions
        self._settings = settings

    async def open_session(
        self, connection: AsyncConnection, user: User, *, device: Device
    ) -> tuple[Session, RefreshToken]:
        """A new session, in the caller's transaction."""
        token = RefreshToken.new()
        session = await SessionStore(connection).open(
            user.id, token, device=device, lifetime=self._settings.refresh_in
        )
        return session, token

    async def authentication(self, user: User, session: Session, token: RefreshToken) -> Authentication:
        """Tokens of the session; to be asked for after the transaction, as it may need a connection."""
        permissions = await self._permissions.of(user.role, user.role_version)
        access_token, expires_at = self._access_tokens.issue(user, session.access_id, permissions)
        return Authentication(
            user=user, access_token=access_token, expires_at=expires_at, refresh_token=token.text
        )

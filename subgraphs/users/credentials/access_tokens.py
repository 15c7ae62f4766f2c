"""Access tokens: JWTs in the form of RFC 9068, signed with the ring's key or the shared secret."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import jwt

from subgraphs.kit.auth.tokens import TOKEN_TYPE, algorithm_of
from subgraphs.kit.ids import new_id
from subgraphs.users.credentials.keys import KeyRing
from subgraphs.users.domain.permissions import Permission
from subgraphs.users.domain.session import AccessId
from subgraphs.users.domain.user import User
from subgraphs.users.settings import UsersJwtSettings


class AccessTokens:
    """`ring` is None where the settings have a shared secret."""

    def __init__(self, ring: KeyRing | None, settings: UsersJwtSettings) -> None:
        self._ring = ring
        self._settings = settings
        self._algorithm = algorithm_of(settings)

    def issue(
        self, user: User, access_id: AccessId, permissions: Sequence[Permission]
    ) -> tuple[str, datetime]:
        """A token to act as `user` within the session of `access_id`, and when it ends.

        It carries the permissions, so that a subgraph need not ask for them.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        expires_at = now + self._settings.expires_in
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": user.id,
            "role": user.role,
            "perms": list(permissions),
            "sid": access_id,
            "iat": now,
            "nbf": now,
            "exp": expires_at,
            "jti": new_id(),
        }
        return self._sign(claims), expires_at

    def _sign(self, claims: dict[str, Any]) -> str:
        if self._ring is None:
            secret = self._settings.secret.get_secret_value()
            return jwt.encode(claims, secret, algorithm=self._algorithm, headers={"typ": TOKEN_TYPE})
        key = self._ring.signing_key()
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, key.private, algorithm=self._algorithm, headers=headers)

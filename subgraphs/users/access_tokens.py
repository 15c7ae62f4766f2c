"""Access tokens: JWTs in the form of RFC 9068, signed with the ring's key."""

from datetime import UTC, datetime

import jwt

from subgraphs.kit.auth import ALGORITHM, TOKEN_TYPE
from subgraphs.kit.ids import new_id
from subgraphs.users.domain import SessionId, User
from subgraphs.users.keys import KeyRing
from subgraphs.users.settings import UsersJwtSettings


class AccessTokens:
    def __init__(self, ring: KeyRing, settings: UsersJwtSettings) -> None:
        self._ring = ring
        self._settings = settings

    def issue(self, user: User, session_id: SessionId) -> tuple[str, datetime]:
        """A token to act as `user` within the session, and when it ends.

        It carries the permissions, so that a subgraph need not ask for them: a change of role reaches
        an account that is logged in with its next refresh.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        expires_at = now + self._settings.expires_in
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": user.id,
            "role": user.role,
            "perms": list(user.permissions),
            "sid": session_id,
            "iat": now,
            "nbf": now,
            "exp": expires_at,
            "jti": new_id(),
        }
        key = self._ring.signing_key()
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers), expires_at

"""Who is asking: access tokens verified by each service on its own, and permission checks.

Default deny: a `Viewer` holds no permission that its verified token does not name. Tokens are checked
as RFC 8725 asks: one algorithm, known `kid`, `typ`, issuer, audience and times. The algorithm is the
settings' choice, never the token's, so a public key cannot be passed off as a shared secret.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from subgraphs.kit.errors import Forbidden, Unauthenticated, Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.settings import JwtSettings

ALGORITHM = "EdDSA"
SHARED_SECRET_ALGORITHM = "HS256"  # noqa: S105 - a name
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, not a secret
# Without `sid` a token could not be revoked.
_REQUIRED = ["exp", "iat", "nbf", "sub", "jti", "iss", "aud", "sid"]

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The account behind a request; anonymous where `user_id` is None."""

    user_id: str | None = None
    role: str | None = None
    permissions: frozenset[str] = frozenset()
    session_id: str | None = None
    token_id: str | None = None
    expires_at: float | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require_user(self) -> str:
        """The viewer's user id. Raises Unauthenticated for an anonymous one."""
        if self.user_id is None:
            raise Unauthenticated("Log in and send the access token as `Authorization: Bearer …`.")
        return self.user_id

    def require(self, permission: str) -> str:
        """The viewer's user id. Raises Unauthenticated, or Forbidden without `permission`."""
        user_id = self.require_user()
        if permission not in self.permissions:
            raise Forbidden(f"This needs the permission {permission}.")
        return user_id


ANONYMOUS = Viewer()


class KeySource(Protocol):
    """Where verification keys come from: the users service's own ring, or its published JWKS."""

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The public key named `kid`, or None. Raises Unavailable when the source cannot be reached."""


class Revocations(Protocol):
    """Which sessions have ended before their access tokens have."""

    async def revoked(self, session_id: str) -> bool: ...


def algorithm_of(settings: JwtSettings) -> str:
    """The one algorithm that tokens are signed with."""
    return SHARED_SECRET_ALGORITHM if settings.secret.get_secret_value() else ALGORITHM


class TokenVerifier:
    """Turns an access token into a Viewer. With a shared secret in the settings, no `keys` are needed."""

    def __init__(
        self, keys: KeySource | None, settings: JwtSettings, revocations: Revocations | None = None
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._secret = settings.secret.get_secret_value()
        self._algorithm = algorithm_of(settings)
        self._revocations = revocations

    async def verify(self, token: str) -> Viewer:
        """The viewer that `token` names.

        Raises Unauthenticated for a token that is malformed, forged, expired, revoked, or meant for
        another audience; Unavailable when its key cannot be looked up.
        """
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise Unauthenticated("The access token is malformed; log in again.") from None
        if header.get("alg") != self._algorithm or header.get("typ") != TOKEN_TYPE:
            raise Unauthenticated("The access token is not of this system; log in again.")
        key = self._secret or await self._key(header.get("kid"))
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[self._algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The access token has expired; refresh it or log in again.") from None
        except jwt.InvalidTokenError:
            raise Unauthenticated("The access token is invalid; log in again.") from None
        viewer = Viewer(
            user_id=claims["sub"],
            role=claims.get("role"),
            permissions=frozenset(claims.get("perms", ())),
            session_id=str(claims["sid"]),
            token_id=claims["jti"],
            expires_at=float(claims["exp"]),
        )
        await self._check_session(viewer)
        return viewer

    async def check(self, viewer: Viewer) -> None:
        """Whether `viewer`, verified some time ago, may go on: for connections that outlive a request.

        Raises Unauthenticated when its token has expired or its session has ended.
        """
        if viewer.expires_at is not None and viewer.expires_at <= time.time():
            raise Unauthenticated("The access token has expired; refresh it or log in again.")
        await self._check_session(viewer)

    async def _check_session(self, viewer: Viewer) -> None:
        if self._revocations and viewer.session_id and await self._revocations.revoked(viewer.session_id):
            raise Unauthenticated("The session has ended; log in again.")

    async def _key(self, kid: object) -> Ed25519PublicKey:
        key = await self._keys.key(kid) if self._keys and isinstance(kid, str) else None
        if key is None:
            raise Unauthenticated("The access token's key is unknown; log in again.")
        return key

    async def from_header(self, authorization: str | None) -> Viewer:
        """The viewer of an `Authorization` header; anonymous when there is none (RFC 6750 2.1)."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send the access token as `Authorization: Bearer …`.")
        return await self.verify(token.strip())


class RemoteKeys:
    """Keys of the users service's JWKS, fetched when first needed and when an unknown `kid` comes.

    A fetch answers for `max_age` seconds. An unknown kid asks again at most every `min_interval`
    seconds, so forged kids cannot turn into a flood; a failed refresh keeps the keys that are known.
    """

    def __init__(
        self, client: httpx.AsyncClient, url: str, *, max_age: float = 60, min_interval: float = 2
    ) -> None:
        self._client = client
        self._url = url
        self._max_age = max_age
        self._min_interval = min_interval
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
        self._failed = False
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        if self._stale(kid):
            async with self._lock:
                if self._stale(kid):
                    await self._fetch()
        if not self._keys and self._failed:
            raise Unavailable("Tokens cannot be verified at the moment; try again.")
        return self._keys.get(kid)

    def _stale(self, kid: str) -> bool:
        age = time.monotonic() - self._fetched_at
        return age > (self._max_age if kid in self._keys else self._min_interval)

    async def _fetch(self) -> None:
        try:
            response = await self._client.get(self._url)
            response.raise_for_status()
            keys = jwt.PyJWKSet.from_json(response.text).keys
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
            log.warning("jwks_refresh_failed", url=self._url, error=repr(error))
            self._failed = True
        else:
            self._keys = {k.key_id: k.key for k in keys if k.key_id and isinstance(k.key, Ed25519PublicKey)}
            self._failed = False
        # After a failure too: a source that hangs must not hold up every request in turn.
        self._fetched_at = time.monotonic()

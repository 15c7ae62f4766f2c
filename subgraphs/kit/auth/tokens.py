"""Access tokens, verified by each service on its own.

A `Viewer` holds the permissions that its verified token names, and no others. Tokens are checked as RFC 8725 asks: one algorithm, known `kid`, `typ`, issuer, audience and times. The algorithm is the
settings' choice, never the token's, so a public key cannot be passed off as a shared secret.
"""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.settings import JwtSettings

ALGORITHM = "EdDSA"
SHARED_SECRET_ALGORITHM = "HS256"  # noqa: S105 - a name
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, not a secret
# Without `sid` a token could not be revoked.
_REQUIRED = ["exp", "iat", "nbf", "sub", "jti", "iss", "aud", "sid"]


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


_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token said when its signature was verified by `key`; it says so until `ends`, in Unix seconds."""

    viewer: Viewer
    kid: object
    key: str | Ed25519PublicKey
    ends: float


class TokenVerifier:
    """Turns an access token into a Viewer. With a shared secret in the settings, no `keys` are needed.

    A signature is verified once, and remembered by the token's digest for as long as the token lives and its key is
    in use. Whether the session has ended is asked each time.
    """

    def __init__(
        self, keys: KeySource | None, settings: JwtSettings, revocations: Revocations | None = None
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._secret = settings.secret.get_secret_value()
        self._algorithm = algorithm_of(settings)
        self._revocations = revocations
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(self, token: str) -> Viewer:
        """The viewer that `token` names.

        Raises Unauthenticated for a token that is malformed, forged, expired, revoked, or meant for
        another audience; Unavailable when its key cannot be looked up.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is None or not await self._holds(known):
            known = await self._verify(token)
            self._remember(digest, known)
        await self._check_session(known.viewer)
        return known.viewer

    async def _holds(self, known: _Verified) -> bool:
        return time.time() < known.ends and await self._key(known.kid) == known.key

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > _MOST_REMEMBERED:
            self._verified.popitem(last=False)

    async def _verify(self, token: str) -> _Verified:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise Unauthenticated("The access token is malformed; log in again.") from None
        if header.get("alg") != self._algorithm or header.get("typ") != TOKEN_TYPE:
            raise Unauthenticated("The access token is not of this system; log in again.")
        kid = header.get("kid")
        key = await self._key(kid)
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
        return _Verified(viewer, kid, key, claims["exp"] + self._settings.leeway.total_seconds())

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

    async def _key(self, kid: object) -> str | Ed25519PublicKey:
        if self._secret:
            return self._secret
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

"""The public keys of the users service, as another service has them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.settings import ServiceSettings

log = get_logger(__name__)

_TIMEOUT = 3.0


@asynccontextmanager
async def remote_keys(settings: ServiceSettings) -> AsyncIterator["RemoteKeys"]:
    """The keys at `jwt.jwks_url`, by default the JWKS of the users service, over a client of their own."""
    url = settings.jwt.jwks_url or f"{settings.services.users}/.well-known/jwks.json"
    async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
        yield RemoteKeys(client, url)


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

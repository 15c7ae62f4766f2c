"""Whether the router answers, asked no more often than once in a moment, however often `/ready` is."""

import asyncio
import time

from clients.rest.errors import ApiError
from clients.rest.router_client import RouterClient

_FRESH_SECONDS = 1.0


class Readiness:
    """A readiness check; what it finds, success or failure, holds for a second."""

    def __init__(self, client: RouterClient) -> None:
        self._client = client
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._failure: ApiError | None = None

    async def check(self) -> None:
        """Raises ApiError when the router does not answer."""
        async with self._asking:
            if time.monotonic() - self._asked_at > _FRESH_SECONDS:
                try:
                    await self._client.execute("Ready", {}, {})
                except ApiError as error:
                    self._failure = error
                else:
                    self._failure = None
                self._asked_at = time.monotonic()
            if self._failure is not None:
                raise self._failure

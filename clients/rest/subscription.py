"""An open subscription over server-sent events (graphql-sse's distinct connections mode)."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Self

import aiohttp

from clients.rest import errors, sse
from clients.rest.router_answers import TRANSPORT_ERRORS, data_of
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)


class Subscription:
    """The events of one subscription, each the `data` of an execution; ends when the router completes it."""

    def __init__(self, name: str, response: aiohttp.ClientResponse) -> None:
        self._name = name
        self._response = response
        self._results = self._read()
        self._next: asyncio.Task[dict[str, Any] | None] | None = None

    async def wait(self, seconds: float) -> bool:
        """Whether the next event, the end or an error is there within `seconds`; loses nothing either way."""
        done, _ = await asyncio.wait({self._pending()}, timeout=seconds)
        return bool(done)

    async def peek(self) -> bool:
        """Whether another event comes, which stays to be taken by `next`. Raises ApiError."""
        return await asyncio.shield(self._pending()) is not None

    async def next(self) -> dict[str, Any] | None:
        """The next event's data, or None at the end. Raises ApiError."""
        result = await asyncio.shield(self._pending())
        self._next = None
        return result

    def _pending(self) -> "asyncio.Task[dict[str, Any] | None]":
        # A task of its own, because giving up waiting must not cancel the reading.
        if self._next is None:
            self._next = asyncio.create_task(self._advance())
        return self._next

    async def aclose(self) -> None:
        """End the subscription at the router as well; its connection closes."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        await self._results.aclose()
        self._response.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _advance(self) -> dict[str, Any] | None:
        return await anext(self._results, None)

    async def _read(self) -> AsyncGenerator[dict[str, Any], None]:
        try:
            async for event in sse.decode(self._response.content.iter_any()):
                if event.event == "complete":
                    return
                if event.event == "next":
                    yield data_of(
                        self._name, self._response.status, event.data.encode(), self._response.headers
                    )
        except TRANSPORT_ERRORS as error:
            log.warning("subscription_lost", operation=self._name, error=repr(error))
            raise errors.unavailable() from error
        # Cut off rather than completed: there may be more, which the client can ask for again.
        log.warning("subscription_cut", operation=self._name, status=self._response.status)
        raise errors.unavailable()


async def require_stream(name: str, response: aiohttp.ClientResponse) -> None:
    """Raises ApiError for an answer that is no stream of events."""
    if response.headers.get("content-type", "").startswith(sse.MEDIA_TYPE):
        return
    content = await response.read()
    data_of(name, response.status, content, response.headers)
    log.error("no_event_stream", operation=name, status=response.status)
    raise errors.internal()

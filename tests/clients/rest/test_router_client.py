"""Connections to the router: how many, what is sent again where one breaks, and what a router is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from clients.rest import documents
from clients.rest.errors import ApiError
from clients.rest.router_client import RouterClient, open_router_client
from clients.rest.settings import RouterClientSettings

_ANSWER = b'{"data":{"product":null}}'
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_ANSWER)
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


@dataclass
class RawRouter:
    """A router on bare TCP. `breaks` says, of the number of a request, whether its connection ends instead of an answer."""

    breaks: Callable[[int], bool] = lambda _: False
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    heads: list[str] = field(default_factory=list)
    most: int = 0
    _open: int = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        self.answering.set()
        async with await asyncio.start_server(self._connection, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            while await self._request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open -= 1
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n", maxsplit=1)[0]))
        self.heads.append(head)
        if self.breaks(len(self.heads)):
            return False
        await self.answering.wait()
        streams = "accept: text/event-stream" in head
        writer.write(_STREAM if streams else _WHOLE + _ANSWER)
        if streams:
            await reader.read()
        return True


@asynccontextmanager
async def _client(address: str, **settings: Any) -> AsyncIterator[RouterClient]:
    async with open_router_client(
        RouterClientSettings(**settings), documents.load(), router=address, subscriptions=address
    ) as client:
        yield client


async def _read(client: RouterClient) -> dict[str, Any]:
    return await client.execute("Product", {"id": "p1"}, {})


async def test_a_read_whose_connection_breaks_is_sent_once_more() -> None:
    router = RawRouter(breaks=lambda number: number == 2)
    async with router.serving() as address, _client(address) as client:
        assert [await _read(client) for _ in range(2)] == [{"product": None}] * 2
    assert len(router.heads) == 3


async def test_a_read_is_not_sent_a_third_time() -> None:
    router = RawRouter(breaks=lambda _: True)
    async with router.serving() as address, _client(address) as client:
        with pytest.raises(ApiError) as refusal:
            await _read(client)
    assert (refusal.value.code, len(router.heads)) == ("UNAVAILABLE", 2)


async def test_a_mutation_whose_connection_breaks_is_not_sent_again() -> None:
    router = RawRouter(breaks=lambda _: True)
    async with router.serving() as address, _client(address) as client:
        with pytest.raises(ApiError) as refusal:
            await client.execute("Logout", {}, {})
    assert (refusal.value.code, len(router.heads)) == ("UNAVAILABLE", 1)


async def test_a_router_that_is_too_slow_is_unavailable() -> None:
    router = RawRouter()
    async with router.serving() as address, _client(address, timeout=timedelta(seconds=0.1)) as client:
        router.answering.clear()
        with pytest.raises(ApiError) as refusal:
            await _read(client)
    assert (refusal.value.code, len(router.heads)) == ("UNAVAILABLE", 1)


async def test_connections_are_kept_and_no_more_than_allowed_and_streams_take_none_of_them() -> None:
    router = RawRouter()
    async with router.serving() as address, _client(address, connections=2) as client:
        streams = [await client.subscribe("OrderStatus", {"orderId": "o"}, {}) for _ in range(3)]
        for _ in range(2):
            answers = await asyncio.gather(*(_read(client) for _ in range(6)))
            assert answers == [{"product": None}] * 6
        assert router.most == 5
        for stream in streams:
            await stream.aclose()


async def test_the_router_is_told_nothing_that_the_client_did_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What goes to the router carries tokens: a proxy that the environment names is not for it.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    router = RawRouter()
    async with router.serving() as address, _client(address) as client:
        await client.execute("Product", {"id": "p1"}, {"user-agent": "their own", "x-request-id": "r1"})
        await _read(client)
    told = [
        {line.partition(":")[0] for line in head.split("\r\n")[1:] if line} - {"host"}
        for head in router.heads
    ]
    ours = {"accept", "content-type", "content-length"}
    assert told == [ours | {"user-agent", "x-request-id"}, ours]

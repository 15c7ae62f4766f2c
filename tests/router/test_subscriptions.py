"""Subscriptions through edge and router: graphql-transport-ws and server-sent events, on the one path."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.client import connect

from tests.router.processes import SECRET, Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN, token
from tests.router.servers import Subgraph

QUERY = """subscription ($id: ID!, $after: Int! = 0) {
  orderStatus(orderId: $id, afterSeq: $after) { seq status order { id user { username } items { product { name } } } }
}"""
ITEMS = [{"product": {"name": f"product-p{n}"}} for n in (1, 2)]


def watch(order: str, after: int = 0) -> GraphQLRequest:
    return GraphQLRequest(QUERY, variable_values={"id": order, "after": after})


def event(order: str, seq: int, status: str) -> dict[str, Any]:
    return {
        "orderStatus": {
            "seq": seq,
            "status": status,
            "order": {"id": order, "user": {"username": "user-1"}, "items": ITEMS},
        }
    }


BOTH = [event("short", 1, "AWAITING_PAYMENT"), event("short", 2, "PAID")]


def client(edge: Process, **params: Any) -> Client:
    url = edge.url.replace("http", "ws") + "/graphql"
    return Client(transport=WebsocketsTransport(url=url, init_payload=params, ping_interval=None))


@asynccontextmanager
async def event_stream(
    edge: Process, bearer: str | None, **variables: Any
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a subscription over server-sent events."""
    headers = {"accept": "text/event-stream"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    body = {"query": QUERY, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=5) as http,
        http.stream("POST", f"{edge.url}/graphql", json=body, headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.aiter_lines()


@pytest.mark.parametrize(
    "params",
    [
        {"authorization": "Bearer t"},
        {"Authorization": "Bearer t"},
        {"headers": {"Authorization": "Bearer t"}},
    ],
    ids=["lower case", "upper case", "as headers"],
)
async def test_websocket_passes_the_token_of_connection_init_and_joins_other_subgraphs(
    edge: Process, params: dict[str, Any]
) -> None:
    async with client(edge, **params) as session:
        events = [data async for data in session.subscribe(watch("short"))]
    assert events == BOTH
    (upstream,) = SEEN["orders"].connection_params
    assert upstream["authorization"] == "Bearer t"
    assert [upgrade["x-router-secret"] for upgrade in SEEN["orders"].upgrades] == [SECRET]
    assert upstream["x-request-id"]
    assert SEEN["users"].requests[-1]["authorization"] == "Bearer t"


async def test_connection_init_cannot_set_what_the_edge_says(edge: Process) -> None:
    params = {"authorization": "Bearer t", "x-client-address": "203.0.113.9", "x-request-id": "mine"}
    async with client(edge, **params) as session:
        [_ async for _ in session.subscribe(watch("short"))]
    (upstream,) = SEEN["orders"].connection_params
    assert upstream["x-client-address"] == "127.0.0.1"
    assert upstream["x-request-id"] != "mine"


async def test_event_stream_passes_the_token_of_the_headers(edge: Process) -> None:
    bearer = token()
    async with event_stream(edge, bearer, id="short") as lines:
        data = [line.removeprefix("data:").strip() async for line in lines if line.startswith("data:")]
    assert [json.loads(text)["data"] for text in data if text] == BOTH
    assert SEEN["orders"].connection_params[0]["authorization"] == f"Bearer {bearer}"


async def test_variables_reach_the_subgraph(edge: Process) -> None:
    async with client(edge, authorization="Bearer t") as session:
        events = [data async for data in session.subscribe(watch("short", after=1))]
    assert events == BOTH[1:]


async def test_closing_the_websocket_closes_upstream(edge: Process, wait_until: WaitUntil) -> None:
    async with client(edge, authorization="Bearer t") as session:
        async for _ in session.subscribe(watch("long")):
            assert (SEEN["orders"].opened, SEEN["orders"].closed) == (1, 0)
            break
    await wait_until(lambda: SEEN["orders"].closed == 1)


async def test_a_websocket_that_vanishes_closes_upstream(edge: Process, wait_until: WaitUntil) -> None:
    url = edge.url.replace("http", "ws") + "/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": "Bearer t"}}))
        await socket.recv()
        payload = {"query": QUERY, "variables": {"id": "long"}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "next"
        socket.transport.abort()
    await wait_until(lambda: SEEN["orders"].closed == 1)


async def test_closing_the_event_stream_closes_upstream(edge: Process, wait_until: WaitUntil) -> None:
    async with event_stream(edge, token(), id="long") as lines:
        async for line in lines:
            if line.startswith("data:"):
                break
        assert (SEEN["orders"].opened, SEEN["orders"].closed) == (1, 0)
    await wait_until(lambda: SEEN["orders"].closed == 1)


async def test_one_of_two_subscriptions_on_a_connection_ends_alone(
    edge: Process, wait_until: WaitUntil
) -> None:
    async with client(edge, authorization="Bearer t") as session:
        first = session.subscribe(watch("one"))
        second = session.subscribe(watch("two"))
        await anext(first)
        await anext(second)
        await first.aclose()
        await wait_until(lambda: SEEN["orders"].closed == 1)
        seq = (await anext(second))["orderStatus"]["seq"]
        assert (await anext(second))["orderStatus"]["seq"] == seq + 1
        await second.aclose()


async def test_a_subscription_without_a_token_gets_the_subgraphs_error(edge: Process) -> None:
    async with client(edge) as session:
        with pytest.raises(TransportQueryError) as caught:
            await anext(session.subscribe(watch("short")))
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_token_that_the_subgraph_refuses_at_connecting_is_unauthenticated(edge: Process) -> None:
    async with client(edge, authorization="Bearer revoked") as session:
        with pytest.raises(TransportQueryError) as caught:
            await anext(session.subscribe(watch("short")))
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"] == {"code": "UNAUTHENTICATED", "service": "orders"}


async def test_a_subgraph_that_goes_ends_the_subscription_with_an_error_and_nothing_is_replayed(
    edge: Process, subgraphs: dict[str, Subgraph]
) -> None:
    seen = []
    async with client(edge, authorization="Bearer t") as session:

        async def follow() -> None:
            async for data in session.subscribe(watch("long")):
                seen.append(data["orderStatus"]["seq"])
                if len(seen) == 2:
                    subgraphs["orders"] = subgraphs["orders"].restarted()

        with pytest.raises(TransportQueryError) as caught:
            await follow()
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "UNAVAILABLE"
    assert seen == list(range(1, len(seen) + 1))
    assert SEEN["orders"].opened == 1


async def test_a_stopping_router_closes_its_subscriptions(start_router: Starter) -> None:
    router = start_router()
    async with client(router, authorization="Bearer t") as session:
        stream = session.subscribe(watch("long"))
        await anext(stream)
        async with event_stream(router, "t", id="long") as lines:
            await anext(lines)
            assert await asyncio.to_thread(router.stop) == 0
            with pytest.raises(httpx.RemoteProtocolError):
                [_ async for _ in lines]
        with pytest.raises(TransportConnectionFailed):
            [_ async for _ in stream]


async def test_a_websocket_that_answers_no_ping_is_closed(start_router: Starter) -> None:
    router = start_router(ROUTER_HEARTBEAT="200ms")
    host, _, port = router.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    async with asyncio.timeout(2.5):  # sooner than it would be closed for want of connection_init
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        frames = await reader.read()
    ping = b"\x89\x00"
    assert frames in {ping, ping * 2}
    writer.close()

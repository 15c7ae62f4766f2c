"""What may run over a WebSocket, and how many connections and operations one client may hold."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.router.processes import Process, Starter, WaitUntil
from tests.router.recording_subgraphs import SEEN, token

WATCH = "subscription { orderStatus(orderId: 1) { seq } }"


@asynccontextmanager
async def websocket(
    router: Process, bearer: str | None = None, **headers: str
) -> AsyncIterator[ClientConnection]:
    """A connection that has been acknowledged."""
    url = router.url.replace("http", "ws") + "/graphql"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with connect(
        url, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=named
    ) as socket:
        payload = {"authorization": f"Bearer {bearer}"} if bearer else {}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


async def first_answer(socket: ClientConnection, query: str = WATCH, *, key: str = "1") -> Any:
    """Start an operation; returns its first data, or the code of its first error."""
    await socket.send(json.dumps({"id": key, "type": "subscribe", "payload": {"query": query}}))
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await socket.recv())
            if message.get("id") != key:
                continue
            errors = message["payload"] if message["type"] == "error" else message["payload"].get("errors")
            return errors[0]["extensions"]["code"] if errors else message["payload"]["data"]


FIRST = {"orderStatus": {"seq": 1}}


@pytest.mark.parametrize("query", ["{ me { username } }", 'mutation { rename(username: "x") { id } }'])
async def test_queries_and_mutations_are_refused_over_websocket(router: Process, query: str) -> None:
    async with websocket(router, "t") as socket:
        assert await first_answer(socket, query) == "BAD_REQUEST"
        assert await first_answer(socket, key="2") == FIRST
    assert (SEEN["users"].requests, SEEN["users"].calls) == ([], [])


async def test_the_limits_of_documents_hold_over_websocket(router: Process) -> None:
    async with websocket(router, "t") as socket:
        assert await first_answer(socket, "#" * 20_000 + WATCH) == "OPERATION_TOO_LARGE"
        assert await first_answer(socket, "{ me {", key="2") == "GRAPHQL_PARSE_FAILED"


async def test_operations_on_one_connection_are_bounded_by_the_setting(start_router: Starter) -> None:
    router = start_router(ROUTER_MAX_OPERATIONS_PER_CONNECTION="2")
    async with websocket(router, "t") as socket:
        assert await first_answer(socket, key="1") == FIRST
        assert await first_answer(socket, key="2") == FIRST
        assert await first_answer(socket, key="3") == "RATE_LIMITED"
        await socket.send(json.dumps({"id": "1", "type": "complete"}))
        assert await first_answer(socket, key="4") == FIRST
    await asyncio.to_thread(router.stop)


async def test_what_an_address_starts_is_bounded_whatever_becomes_of_it(start_router: Starter) -> None:
    router = start_router(ROUTER_MAX_STARTS_PER_MINUTE="3")
    async with websocket(router, "t") as first, websocket(router, "t") as second:
        assert await first_answer(first, "{ me {", key="1") == "GRAPHQL_PARSE_FAILED"
        assert await first_answer(second, "{ nope }", key="1") == "GRAPHQL_VALIDATION_FAILED"
        assert await first_answer(first, key="2") == FIRST
        assert await first_answer(second, key="2") == "RATE_LIMITED"
    async with websocket(router, "t", x_client_address="192.0.2.9") as other:
        assert await first_answer(other) == FIRST
    await asyncio.to_thread(router.stop)


@pytest.fixture(scope="module")
def strict_router(start_router: Starter) -> Process:
    return start_router(ROUTER_MAX_CONNECTIONS_PER_ACCOUNT="2", ROUTER_MAX_CONNECTIONS_PER_ADDRESS="4")


async def test_connections_of_one_account_are_bounded(strict_router: Process, wait_until: WaitUntil) -> None:
    # Each token is another one: what counts is whose it is.
    tokens = [token(expires_in=100 + n) for n in range(4)]
    async with AsyncExitStack() as stack:
        first, second, third = [
            await stack.enter_async_context(websocket(strict_router, bearer)) for bearer in tokens[:3]
        ]
        assert await first_answer(first) == FIRST
        assert await first_answer(second) == FIRST
        assert await first_answer(third) == "RATE_LIMITED"
        # More operations on a connection that counts are no more connections.
        assert await first_answer(first, key="2") == FIRST
        # Another account is another matter.
        other = await stack.enter_async_context(websocket(strict_router, token(subject="2")))
        assert await first_answer(other) == FIRST
        await first.close()
        assert await first_answer(third, key="2") == FIRST
    await wait_until(lambda: SEEN["orders"].opened == SEEN["orders"].closed)


async def test_event_streams_count_as_connections_of_their_account(strict_router: Process) -> None:
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {token()}"}
    async with AsyncExitStack() as stack:
        for _ in range(2):
            socket = await stack.enter_async_context(websocket(strict_router, token()))
            assert await first_answer(socket) == FIRST
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{strict_router.url}/graphql", json={"query": WATCH}, headers=headers)
    assert '"code":"RATE_LIMITED"' in answer.text


async def test_a_forged_token_uses_up_no_connection_of_the_account_that_it_names(
    strict_router: Process,
) -> None:
    forged = token(Ed25519PrivateKey.generate())
    async with AsyncExitStack() as stack:
        for _ in range(2):
            socket = await stack.enter_async_context(websocket(strict_router, forged))
            assert await first_answer(socket) == "UNAUTHENTICATED"
        for _ in range(2):
            socket = await stack.enter_async_context(websocket(strict_router, token()))
            assert await first_answer(socket) == FIRST


async def test_the_edge_checks_the_token_of_an_upgrade_request_and_passes_the_address_on(
    edge: Process,
) -> None:
    assert await refused(edge, authorization=f"Bearer {token(expires_in=-60)}") == 401
    async with websocket(edge, "t", x_client_address="203.0.113.9") as socket:
        assert await first_answer(socket) == FIRST
    assert SEEN["orders"].connection_params[0]["x-client-address"] == "127.0.0.1"


async def refused(router: Process, **headers: str) -> int:
    """The status of a refused upgrade."""
    with pytest.raises(InvalidStatus) as caught:
        async with websocket(router, **headers):
            pass
    return caught.value.response.status_code


async def test_connections_of_one_address_are_bounded(strict_router: Process) -> None:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(websocket(strict_router, x_client_address="192.0.2.7"))
            for _ in range(4)
        ]
        assert await refused(strict_router, x_client_address="192.0.2.7") == 429
        headers = {"accept": "text/event-stream", "x-client-address": "192.0.2.7"}
        async with httpx.AsyncClient() as client:
            stream = await client.post(f"{strict_router.url}/graphql", json={"query": WATCH}, headers=headers)
        assert (stream.status_code, stream.headers["retry-after"]) == (429, "5")
        assert stream.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        async with websocket(strict_router, x_client_address="192.0.2.8"):
            pass
        await opened[0].close()
        async with asyncio.timeout(5):
            while True:  # the router hears of the end a moment later
                try:
                    async with websocket(strict_router, x_client_address="192.0.2.7"):
                        break
                except InvalidStatus:
                    await asyncio.sleep(0.02)


async def test_addresses_of_one_ipv6_network_count_as_one(strict_router: Process) -> None:
    async with AsyncExitStack() as stack:
        for address in ("2001:db8::1", "2001:db8:0:0:1::", "2001:db8:0:0:2:3:4:5", "2001:0db8::9"):
            await stack.enter_async_context(websocket(strict_router, x_client_address=address))
        assert await refused(strict_router, x_client_address="2001:db8::a") == 429
        async with websocket(strict_router, x_client_address="2001:db8:0:1::a"):
            pass

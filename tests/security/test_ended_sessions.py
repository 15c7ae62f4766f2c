"""A session that has ended stops its access tokens everywhere, within a second and the time of a request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from gql import Client
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.harness import launcher
from tests.security.endpoints import Endpoint
from tests.supergraph.conftest import Account, request

# A service remembers for a second that a session was alive (`kit/revocations.py`).
_REMEMBERED = 1.0
# An idle subscription looks every 5 s (`orders/live.py`).
_IDLE = 5.0
_SLACK = 15.0

STATUS = "subscription ($id: ID!) { orderStatus(orderId: $id) { seq status } }"


async def _refused_everywhere(endpoints: list[Endpoint], token: str) -> None:
    waiting = list(endpoints)
    async with asyncio.timeout(_REMEMBERED + _SLACK):
        while waiting:
            accepted = await asyncio.gather(*(endpoint.accepts(token) for endpoint in waiting))
            waiting = [endpoint for endpoint, yes in zip(waiting, accepted, strict=True) if yes]
            await asyncio.sleep(0.05)


async def test_logout_stops_the_token_in_every_place(
    http: httpx.AsyncClient, endpoints: list[Endpoint], customer: Account
) -> None:
    # Each process has just seen that the session is alive.
    assert all(await asyncio.gather(*(endpoint.accepts(customer.token) for endpoint in endpoints)))
    answer = await http.post("/api/v1/users/logout", headers=customer.headers)
    assert answer.status_code == 204
    await _refused_everywhere(endpoints, customer.token)


async def test_other_sessions_of_the_account_go_on(
    http: httpx.AsyncClient, endpoints: list[Endpoint], customer: Account
) -> None:
    login = {"email": customer.email, "password": "password123"}
    other = (await http.post("/api/v1/users/login", json=login)).json()["token"]
    await http.post("/api/v1/users/logout", headers=customer.headers)
    await _refused_everywhere(endpoints, customer.token)
    assert all(await asyncio.gather(*(endpoint.accepts(other) for endpoint in endpoints)))


@pytest.fixture
async def order_id(
    http: httpx.AsyncClient, customer: Account, new_product: Callable[..., Awaitable[dict[str, Any]]]
) -> str:
    body = {"items": [{"product_id": (await new_product())["id"], "quantity": 1}]}
    placed = await http.post("/api/v1/orders", json=body, headers=customer.headers)
    return str(placed.json()["id"])


@pytest.mark.parametrize(
    "process",
    ["edge", pytest.param("router", marks=pytest.mark.long), pytest.param("orders", marks=pytest.mark.long)],
)
async def test_open_subscription_ends_with_its_session_and_cannot_be_opened_again(
    http: httpx.AsyncClient, supergraph: dict[str, Any], customer: Account, order_id: str, process: str
) -> None:
    url = f"{supergraph['addresses'][process].replace('http', 'ws', 1)}/graphql"

    def connect() -> Client:
        init = {"authorization": f"Bearer {customer.token}"}
        return Client(
            transport=WebsocketsTransport(url, init_payload=init, headers=launcher.AS_THE_ROUTER),
            fetch_schema_from_transport=False,
        )

    async with asyncio.timeout(_IDLE + _REMEMBERED + _SLACK), connect() as opened:
        events = opened.subscribe(request(STATUS, {"id": order_id}))
        seen = [(await anext(events))["orderStatus"]["seq"] for _ in range(2)]
        assert seen == [1, 2]
        await http.post("/api/v1/users/logout", headers=customer.headers)
        with pytest.raises(TransportQueryError) as ended:
            await anext(events)
    assert ended.value.errors is not None
    assert ended.value.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"

    # A subgraph refuses the connection itself; the router's is its own, and the operation on it is refused.
    with pytest.raises((TransportQueryError, TransportConnectionFailed)):
        async with asyncio.timeout(_SLACK), connect() as again:
            await anext(again.subscribe(request(STATUS, {"id": order_id})))


async def test_stream_of_the_rest_layer_ends_with_its_session(
    http: httpx.AsyncClient, customer: Account, order_id: str
) -> None:
    path = f"/api/v1/orders/{order_id}/events"
    async with asyncio.timeout(_IDLE + _REMEMBERED + _SLACK):
        async with http.stream("GET", path, headers=customer.headers) as answer:
            assert answer.status_code == 200
            lines = answer.aiter_lines()
            while "awaiting_payment" not in await anext(lines):
                pass
            await http.post("/api/v1/users/logout", headers=customer.headers)
            rest = [line async for line in lines]
        assert "UNAUTHENTICATED" in "".join(rest)
        again = await http.get(path, headers=customer.headers)
    assert (again.status_code, again.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


async def test_connection_that_stays_open_serves_no_subscription_after_the_logout(
    http: httpx.AsyncClient, supergraph: dict[str, Any], customer: Account, order_id: str
) -> None:
    url = f"{supergraph['addresses']['orders'].replace('http', 'ws', 1)}/graphql"
    transport = WebsocketsTransport(
        url, init_payload={"authorization": f"Bearer {customer.token}"}, headers=launcher.AS_THE_ROUTER
    )
    async with asyncio.timeout(30), Client(transport=transport) as opened:
        status = request(STATUS, {"id": order_id})
        events = opened.subscribe(status)
        assert (await anext(events))["orderStatus"]["seq"] == 1
        await events.aclose()
        await http.post("/api/v1/users/logout", headers=customer.headers)
        await asyncio.sleep(_REMEMBERED)
        with pytest.raises(TransportQueryError) as refused:
            await anext(opened.subscribe(status))
    assert refused.value.errors is not None
    assert refused.value.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"

"""A subscriber that hangs up after each event and comes back sees every event of its order exactly once."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from gql import Client
from gql.transport.websockets import WebsocketsTransport
from redis.asyncio import Redis

from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from tests.harness import launcher
from tests.harness.engines import Engines
from tests.supergraph.conftest import Account, order_with_stock, request, sign_up

STATUS = """
  subscription Status($id: ID!, $after: Int) { orderStatus(orderId: $id, afterSeq: $after) { seq status } }
"""
LAST = "CANCELLED"

Receive = Callable[[int], Awaitable[tuple[int, str]]]
"""The event behind the one with that seq, as its seq and its status."""


@pytest.fixture(scope="module")
async def redis(engines: Engines) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


@pytest.fixture(scope="module")
async def own_http(engines: Engines, redis: Redis) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001 - its address
    """The edge of a system of its own, whose Redis loses everything now and then."""
    env = {
        "USERS_DATABASE_URL": engines.postgres_url("users"),
        "ORDERS_DATABASE_URL": engines.postgres_url("orders"),
        "PRODUCTS_DATABASE_URL": engines.mongo_url("products"),
        "REDIS_URL": engines.redis_url,
        "USERS_FIRST_ACCOUNT_ADMIN": "true",
    }
    arguments = ["--edge-port", "0", "--router-port", "0", "--router", "hive"]
    state = launcher.shared("reconnecting", arguments, env=env)
    async with httpx.AsyncClient(base_url=state["addresses"]["edge"], timeout=30) as http:
        yield http


async def _placed(http: httpx.AsyncClient, seller: Account, customer: Account) -> str:
    body = {"name": "Bell", "price": 5, "stock": 10, "category": "Bells"}
    product = await http.post("/api/v1/products", json=body, headers=seller.headers)
    items = {"items": [{"product_id": product.json()["id"], "quantity": 1}]}
    placed = await http.post("/api/v1/orders", json=items, headers=customer.headers)
    return str((await order_with_stock(http, customer, placed))["id"])


def _over_rest(http: httpx.AsyncClient, customer: Account, order: str) -> Receive:
    async def receive(after: int) -> tuple[int, str]:
        headers = {**customer.headers, "last-event-id": str(after)}
        async with http.stream("GET", f"/api/v1/orders/{order}/events", headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    seq = int(line.removeprefix("id: "))
                if line.startswith("data: "):
                    return seq, json.loads(line.removeprefix("data: "))["status"].upper()
        raise AssertionError("the stream ended without an event")

    return receive


def _over_websocket(http: httpx.AsyncClient, customer: Account, order: str) -> Receive:
    url = str(http.base_url.join("/graphql")).replace("http", "ws", 1)
    params = {"authorization": f"Bearer {customer.token}"}

    async def receive(after: int) -> tuple[int, str]:
        transport = WebsocketsTransport(url, init_payload=params)
        async with Client(transport=transport, fetch_schema_from_transport=False) as opened:
            events = opened.subscribe(request(STATUS, {"id": order, "after": after}))
            event: dict[str, Any] = (await anext(events))["orderStatus"]
            await events.aclose()
        return event["seq"], event["status"]

    return receive


async def _to_the_end(receive: Receive) -> list[int]:
    seen = [0]
    status = ""
    while status != LAST:
        seq, status = await receive(seen[-1])
        seen.append(seq)
    return seen[1:]


async def _declined_and_cancelled(
    http: httpx.AsyncClient,
    customer: Account,
    order: str,
    *,
    times: int,
    between: Callable[[int], Awaitable[Any]],
) -> None:
    """`times` payments are declined, two events each, with something `between` them; then it is cancelled."""
    for turn in range(times):
        body = {"method": "card", "token": "tok_declined"}
        paid = await http.post(f"/api/v1/orders/{order}/pay", json=body, headers=customer.headers)
        assert paid.status_code == 402, paid.text
        await between(turn)
    cancelled = await http.delete(f"/api/v1/orders/{order}", headers=customer.headers)
    assert cancelled.status_code == 200, cancelled.text


async def test_a_client_that_comes_back_after_each_event_sees_each_exactly_once(
    http: httpx.AsyncClient, admin: Account, customer: Account
) -> None:
    order = await _placed(http, admin, customer)
    clients = [_over_rest(http, customer, order), _over_websocket(http, customer, order)]
    async with asyncio.timeout(60):
        *seen, _ = await asyncio.gather(
            *map(_to_the_end, clients),
            _declined_and_cancelled(http, customer, order, times=3, between=lambda _: asyncio.sleep(0)),
        )
    assert seen == [list(range(1, 11))] * 2


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_hundred_returns_while_redis_is_flushed_and_trimmed_miss_and_repeat_nothing(
    own_http: httpx.AsyncClient, redis: Redis
) -> None:
    first, customer = [await sign_up(own_http, name) for name in ("first", "customer")]
    order = await _placed(own_http, first, customer)

    async def lose(turn: int) -> None:
        await (redis.flushdb() if turn % 2 else redis.xtrim("events:orders", maxlen=0, approximate=False))

    clients = [_over_rest(own_http, customer, order), _over_websocket(own_http, customer, order)]
    async with asyncio.timeout(500):
        *seen, _ = await asyncio.gather(
            *map(_to_the_end, clients),
            _declined_and_cancelled(own_http, customer, order, times=48, between=lose),
        )
    assert seen == [list(range(1, 101))] * 2

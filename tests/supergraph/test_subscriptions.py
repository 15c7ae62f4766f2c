"""Live order status through the edge, as WebSocket and as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from gql import Client
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.supergraph.conftest import Account, order_with_stock, request

STATUS = """
  subscription Status($id: ID!, $after: Int) {
    orderStatus(orderId: $id, afterSeq: $after) {
      seq status order { user { username } items { product { name category { name } } } payment { status } }
    }
  }
"""


@pytest.fixture
async def order_id(
    http: httpx.AsyncClient, customer: Account, new_product: Callable[..., Awaitable[dict[str, Any]]]
) -> str:
    product = await new_product(name="Reading lamp", category="Lighting")
    body = {"items": [{"product_id": product["id"], "quantity": 1}]}
    placed = await http.post("/api/v1/orders", json=body, headers=customer.headers)
    return str((await order_with_stock(http, customer, placed))["id"])


def _websocket(edge: str, account: Account | None) -> Client:
    params = {"authorization": f"Bearer {account.token}"} if account else {}
    url = f"{edge.replace('http', 'ws', 1)}/graphql"
    return Client(transport=WebsocketsTransport(url, init_payload=params), fetch_schema_from_transport=False)


async def _server_sent(
    http: httpx.AsyncClient, account: Account, order_id: str, after: int
) -> AsyncIterator[dict[str, Any]]:
    body = {"query": STATUS, "variables": {"id": order_id, "after": after}}
    headers = {**account.headers, "accept": "text/event-stream"}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data:") and line.removeprefix("data:").strip():
                yield json.loads(line.removeprefix("data:"))


async def test_websocket_sees_the_order_go_to_paid_with_fields_of_other_subgraphs(
    edge: str, http: httpx.AsyncClient, customer: Account, order_id: str
) -> None:
    async with asyncio.timeout(30), _websocket(edge, customer) as opened:
        events = opened.subscribe(request(STATUS, {"id": order_id, "after": 0}))
        seen = [(await anext(events))["orderStatus"] for _ in range(2)]
        assert [e["status"] for e in seen] == ["PENDING_STOCK", "AWAITING_PAYMENT"]
        await http.post(f"/api/v1/orders/{order_id}/pay", headers=customer.headers)
        seen += [(await anext(events))["orderStatus"] for _ in range(2)]
        await events.aclose()
    assert [(e["seq"], e["status"]) for e in seen] == [
        (1, "PENDING_STOCK"),
        (2, "AWAITING_PAYMENT"),
        (3, "PAYING"),
        (4, "PAID"),
    ]
    last = seen[-1]["order"]
    assert last["user"] == {"username": customer.username}
    assert last["items"] == [{"product": {"name": "Reading lamp", "category": {"name": "Lighting"}}}]
    assert last["payment"] == {"status": "CAPTURED"}


async def test_server_sent_events_resume_after_a_seq_and_end_with_the_order(
    http: httpx.AsyncClient, customer: Account, order_id: str
) -> None:
    async with asyncio.timeout(30):
        events = _server_sent(http, customer, order_id, after=1)
        first = (await anext(events))["data"]["orderStatus"]
        assert (first["seq"], first["status"]) == (2, "AWAITING_PAYMENT")
        cancelled = await http.delete(f"/api/v1/orders/{order_id}", headers=customer.headers)
        assert cancelled.json()["status"] == "cancelled"
        rest = [e["data"]["orderStatus"] async for e in events]
    assert [(e["seq"], e["status"]) for e in rest] == [(3, "CANCELLING"), (4, "CANCELLED")]


async def test_rest_stream_carries_the_seq_as_id_and_honours_last_event_id(
    http: httpx.AsyncClient, customer: Account, order_id: str
) -> None:
    headers = {**customer.headers, "last-event-id": "1"}
    await http.delete(f"/api/v1/orders/{order_id}", headers=customer.headers)
    async with (
        asyncio.timeout(30),
        http.stream("GET", f"/api/v1/orders/{order_id}/events", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        lines = [line async for line in answer.aiter_lines()]
    assert [line.removeprefix("id:").strip() for line in lines if line.startswith("id:")] == ["2", "3", "4"]
    statuses = [
        json.loads(line.removeprefix("data:"))["status"] for line in lines if line.startswith("data:")
    ]
    assert statuses == ["awaiting_payment", "cancelling", "cancelled"]


async def test_stranger_and_nobody_are_refused(
    edge: str, order_id: str, new_customer: Callable[[], Awaitable[Account]]
) -> None:
    for account, code in ((await new_customer(), "NOT_FOUND"), (None, "UNAUTHENTICATED")):
        async with asyncio.timeout(30), _websocket(edge, account) as opened:
            with pytest.raises(TransportQueryError) as refused:
                await anext(opened.subscribe(request(STATUS, {"id": order_id})))
        assert refused.value.errors is not None
        assert refused.value.errors[0]["extensions"]["code"] == code


async def test_rest_stream_of_a_foreign_order_is_404(
    http: httpx.AsyncClient, order_id: str, new_customer: Callable[[], Awaitable[Account]]
) -> None:
    stranger = await new_customer()
    answer = await http.get(f"/api/v1/orders/{order_id}/events", headers=stranger.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_one_stream_too_many_of_an_account_is_429_until_another_ends(
    edge: str, http: httpx.AsyncClient, customer: Account, order_id: str
) -> None:
    variables = {"id": order_id, "after": 1}
    stream = f"/api/v1/orders/{order_id}/events"
    headers = {**customer.headers, "last-event-id": "1"}
    async with asyncio.timeout(60), _websocket(edge, customer) as opened:
        # 20 is the default of ORDERS_LIVE_PER_ACCOUNT; to the router, they are one connection.
        held = [
            opened.subscribe(
                request(
                    "subscription ($id: ID!, $after: Int) { "
                    "orderStatus(orderId: $id, afterSeq: $after) { seq } }",
                    variables,
                )
            )
            for _ in range(20)
        ]
        assert [(await anext(events))["orderStatus"]["seq"] for events in held] == [2] * 20
        refused = await http.get(stream, headers=headers)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.json()["error"]["code"] == "RATE_LIMITED"
        await held[0].aclose()
        status = refused.status_code
        while status == 429:
            async with http.stream("GET", stream, headers=headers) as answer:
                status = answer.status_code
                if status == 200:
                    lines = answer.aiter_lines()
                    assert await anext(lines) == "id: 2"
        assert status == 200
        for events in held[1:]:
            await events.aclose()

"""A webhook through the edge: registered by staff, told of an order that a customer pays, and verified by its receiver."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.subgraphs.orders.webhook_receiver import receiving
from tests.supergraph.conftest import Account, order_with_stock, request, session

CREATE = """
  mutation Create($input: CreateWebhookInput!) {
    createWebhook(input: $input) { __typename ... on CreateWebhookSuccess { secret webhook { id } } ... on Error { code } }
  }
"""
DELETE = "mutation Delete($id: ID!) { deleteWebhook(id: $id) { __typename } }"


async def test_a_paid_order_is_told_to_the_receiver_that_staff_registered(
    edge: str,
    http: httpx.AsyncClient,
    admin: Account,
    customer: Account,
    new_product: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    product = await new_product(name="Doorbell")
    async with receiving() as receiver, session(edge, admin) as staff:
        wanted = {"input": {"url": receiver.url, "eventTypes": ["OrderPaid", "StockReserved"]}}
        created = (await _run(staff, CREATE, wanted))["createWebhook"]
        try:
            body = {"items": [{"product_id": product["id"], "quantity": 1}]}
            placed = await http.post("/api/v1/orders", json=body, headers=customer.headers)
            order = await order_with_stock(http, customer, placed)
            await http.post(f"/api/v1/orders/{order['id']}/pay", headers=customer.headers)
            async with asyncio.timeout(30):
                told: dict[str, Any] = {}
                while set(told) != {"OrderPaid", "StockReserved"}:
                    await asyncio.sleep(0.05)
                    about = [got for got in receiver.received if order["id"] in got.body]
                    told = {got.headers["webhook-event-type"]: got for got in about}
        finally:
            deleted = await _run(staff, DELETE, {"id": created["webhook"]["id"]})
    assert all(got.is_signed_with(created["secret"]) for got in told.values())
    paid = json.loads(told["OrderPaid"].body)["data"]
    assert (paid["order_id"], paid["user_id"], paid["number"]) == (order["id"], customer.id, order["number"])
    assert paid["total"] == {"minor": 1999, "currency": "USD"}
    assert deleted == {"deleteWebhook": {"__typename": "DeleteWebhookSuccess"}}


async def test_a_customer_registers_none(edge: str, customer: Account) -> None:
    wanted = {"input": {"url": "https://example.com/", "eventTypes": ["OrderPaid"]}}
    async with session(edge, customer) as opened:
        assert await _run(opened, CREATE, wanted) == {
            "createWebhook": {"__typename": "PermissionError", "code": "FORBIDDEN"}
        }


async def _run(opened: Any, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await opened.execute(request(document, variables))
    return found

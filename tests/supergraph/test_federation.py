"""Queries that cross all three subgraphs, in both directions."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.subgraphs.users.sent_emails import emails_to
from tests.supergraph.conftest import Account, order_with_stock, request, session


@pytest.fixture
async def order(
    http: httpx.AsyncClient, customer: Account, new_product: Callable[..., Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """A paid order of two products by `customer`."""
    tea = await new_product(name="Green tea", price=4.5, stock=100, category="Tea")
    cup = await new_product(name="Stoneware cup", price=12, stock=7, category="Tableware")
    items = [{"product_id": tea["id"], "quantity": 3}, {"product_id": cup["id"], "quantity": 1}]
    placed = await http.post("/api/v1/orders", json={"items": items}, headers=customer.headers)
    found = await order_with_stock(http, customer, placed)
    paid = await http.post(f"/api/v1/orders/{found['id']}/pay", headers=customer.headers)
    assert paid.status_code == 200, paid.text
    return found


async def test_from_a_user_to_the_products_they_ordered(
    edge: str, customer: Account, order: dict[str, Any]
) -> None:
    query = """
      { me { username orders { totalCount nodes { number items { quantity product { name stock unitsSold } } } } } }
    """
    async with session(edge, customer) as opened:
        me = (await opened.execute(request(query)))["me"]
    assert me["username"] == customer.username
    assert me["orders"]["totalCount"] == 1
    placed = me["orders"]["nodes"][0]
    assert placed["number"] == order["number"]
    items = sorted(placed["items"], key=lambda i: i["quantity"])
    assert items == [
        {"quantity": 1, "product": {"name": "Stoneware cup", "stock": 6, "unitsSold": 1}},
        {"quantity": 3, "product": {"name": "Green tea", "stock": 97, "unitsSold": 3}},
    ]


async def test_a_customer_hears_of_an_order_and_of_its_payment_by_email(
    supergraph: dict[str, Any], customer: Account, order: dict[str, Any]
) -> None:
    folder = Path(supergraph["children"]["users"]["env"]["USERS_MAIL_FOLDER"])
    expected = {f"Your order {order['number']}", f"Your payment for order {order['number']}"}
    async with asyncio.timeout(20):
        while not expected <= {m["Subject"] for m in emails_to(folder, customer.email)}:  # noqa: ASYNC110 - files
            await asyncio.sleep(0.05)
    subjects = [m["Subject"] for m in emails_to(folder, customer.email) if order["number"] in m["Subject"]]
    assert sorted(subjects) == sorted(expected)


async def test_a_customer_finds_an_order_in_their_activity(
    edge: str, customer: Account, order: dict[str, Any]
) -> None:
    query = request("{ me { activity(first: 10) { nodes { kind detail } } } }")
    expected = [{"kind": kind, "detail": order["number"]} for kind in ("ORDER_PAID", "ORDER_CREATED")]
    async with asyncio.timeout(20), session(edge, customer) as opened:
        while True:
            nodes = (await opened.execute(query))["me"]["activity"]["nodes"]
            if len(found := [node for node in nodes if node["kind"].startswith("ORDER")]) == 2:
                break
            await asyncio.sleep(0.05)
    assert found == expected


async def test_from_an_order_to_its_user_and_categories(
    edge: str, customer: Account, order: dict[str, Any]
) -> None:
    query = """
      query One($id: ID!) {
        order(id: $id) { user { username } items { productName product { category { name } } } }
      }
    """
    async with session(edge, customer) as opened:
        found = (await opened.execute(request(query, {"id": order["id"]})))["order"]
    assert found["user"] == {"username": customer.username}
    assert {i["productName"]: i["product"]["category"]["name"] for i in found["items"]} == {
        "Green tea": "Tea",
        "Stoneware cup": "Tableware",
    }


async def test_foreign_orders_are_as_if_they_were_not_there(
    edge: str, order: dict[str, Any], new_customer: Callable[[], Awaitable[Account]]
) -> None:
    stranger = await new_customer()
    query = "query One($id: ID!) { order(id: $id) { id } orders { nodes { id } } }"
    async with session(edge, stranger) as opened:
        found = await opened.execute(request(query, {"id": order["id"]}))
    assert found == {"order": None, "orders": {"nodes": []}}


async def test_personal_data_of_others_is_hidden(edge: str, customer: Account, new_customer: Any) -> None:
    stranger = await new_customer()
    query = "query One($id: ID!) { user(id: $id) { username email phone } }"
    async with session(edge, stranger) as opened:
        found = (await opened.execute(request(query, {"id": customer.id})))["user"]
    assert found == {"username": customer.username, "email": None, "phone": None}


async def test_catalogue_is_seeded_with_a_tree_of_categories(edge: str) -> None:
    query = """
      { products(first: 1) { totalCount } categories { name children { name products(first: 1) { totalCount } } } }
    """
    async with session(edge) as opened:
        found = await opened.execute(request(query))
    assert found["products"]["totalCount"] >= 100
    children = [child for top in found["categories"] for child in top["children"]]
    assert len(children) >= 10
    assert sum(child["products"]["totalCount"] > 0 for child in children) >= 10


async def test_pages_of_products_follow_each_other_without_gap_or_repetition(edge: str) -> None:
    query = """
      query Page($after: String) {
        products(first: 40, after: $after, sort: NAME, filter: {active: true}) {
          nodes { id name } pageInfo { hasNextPage endCursor }
        }
      }
    """
    seen: list[str] = []
    after = None
    async with session(edge) as opened:
        for _ in range(3):
            page = (await opened.execute(request(query, {"after": after})))["products"]
            seen += [node["id"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            assert page["pageInfo"]["hasNextPage"] is True or len(seen) >= 100
    assert len(seen) == len(set(seen)) >= 100

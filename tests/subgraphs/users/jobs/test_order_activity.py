"""What happens to an order is in the activity log of its customer, once and in its place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subgraphs.kit.events.event import Event
from subgraphs.kit.ids import new_id
from subgraphs.users.jobs.order_activity import OrderActivity
from tests.subgraphs.users.graphql_client import ACTIVITY, execute

NUMBER = "ORD-20260131-0123ABCD"


def order_event(kind: str, user_id: str, *, at: datetime | None = None, **data: Any) -> Event:
    about = {"order_id": new_id(), "number": NUMBER, "user_id": user_id} | data
    return Event(
        type=kind, source="orders", key=about["order_id"], data=about, timestamp=at or datetime.now(UTC)
    )


@pytest.fixture
def orders(postgres) -> OrderActivity:
    return OrderActivity(postgres=postgres)


async def logged(client, ann, **page: Any) -> dict[str, Any]:
    data = await client.run(ACTIVITY, ann["accessToken"], id=ann["user"]["id"], **page)
    return data["user"]["activity"]


async def test_what_the_owner_may_want_to_see_is_logged_and_nothing_else(client, ann, orders):
    at = datetime.now(UTC).replace(microsecond=250_000)
    for kind in ("OrderCreated", "OrderConfirmed", "OrderStatusChanged", "OrderPaid", "OrderShipped"):
        await orders.handle(order_event(kind, ann["user"]["id"], at=at))
        at += timedelta(milliseconds=20)
    for kind in ("OrderRefunded", "OrderCancelled"):
        await orders.handle(order_event(kind, ann["user"]["id"], at=at))
        at += timedelta(milliseconds=20)
    nodes = (await logged(client, ann))["nodes"]
    found = [node for node in nodes if node["kind"].startswith("ORDER")]
    kinds = ["ORDER_CANCELLED", "ORDER_REFUNDED", "ORDER_PAID", "ORDER_CREATED"]
    assert [node["kind"] for node in found] == kinds
    about = {"detail": NUMBER, "ip": "", "device": "Unknown", "actor": None}
    assert all(node | about == node for node in found)


async def test_an_event_that_comes_late_stands_where_it_belongs(client, ann, orders):
    before = await logged(client, ann)
    registered = datetime.fromisoformat(before["nodes"][-1]["at"])
    late = registered - timedelta(days=3)
    await orders.handle(order_event("OrderPaid", ann["user"]["id"], at=late))
    after = await logged(client, ann)
    assert [node["kind"] for node in after["nodes"]] == [
        *[node["kind"] for node in before["nodes"]],
        "ORDER_PAID",
    ]
    assert datetime.fromisoformat(after["nodes"][-1]["at"]) == late
    first = await logged(client, ann, first=len(before["nodes"]))
    rest = await logged(client, ann, first=5, after=first["pageInfo"]["endCursor"])
    assert [node["kind"] for node in rest["nodes"]] == ["ORDER_PAID"]


async def test_an_event_that_comes_again_is_one_entry(client, ann, orders):
    event = order_event("OrderPaid", ann["user"]["id"])
    for _ in range(3):
        await orders.handle(event)
    assert [node["kind"] for node in (await logged(client, ann))["nodes"]].count("ORDER_PAID") == 1


async def test_an_event_of_no_account_is_passed_over_and_an_incomplete_one_leaves_no_trace(
    ann, postgres, orders
):
    gone = new_id()
    await orders.handle(order_event("OrderPaid", gone))
    assert await execute(postgres, "SELECT 1 FROM activity WHERE user_id = :id", id=gone) == []
    incomplete = order_event("OrderPaid", ann["user"]["id"])
    del incomplete.data["number"]
    for _ in range(2):
        with pytest.raises(KeyError):
            await orders.handle(incomplete)
    assert await execute(postgres, "SELECT * FROM inbox WHERE message_id = :id", id=incomplete.id) == []

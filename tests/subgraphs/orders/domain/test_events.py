"""What orders emit is what `schema/events` says, and what it says is all they may emit."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

from subgraphs.orders.domain.errors import InsufficientStock, PaymentDeclined
from subgraphs.orders.domain.transitions import OrderStatus
from tests.subgraphs.orders.orders_harness import WINDOW, OrdersHarness

SCHEMAS = Path(__file__).parents[4] / "schema" / "events"
ORDERS = (
    "OrderCreated",
    "OrderStatusChanged",
    "OrderConfirmed",
    "OrderPaid",
    "OrderShipped",
    "OrderDelivered",
    "OrderRejected",
    "OrderExpired",
    "OrderCancelled",
    "OrderRefunded",
)


def _document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


def _validator(name: str) -> Draft202012Validator:
    registry: Any = Registry().with_resources(
        (document["$id"], Resource.from_contents(document))
        for document in (_document("envelope"), _document(name))
    )
    return Draft202012Validator(_document(name), registry=registry, format_checker=FormatChecker())


@pytest.fixture
async def told(harness: OrdersHarness) -> list[dict[str, Any]]:
    """Every kind of event, and every status."""
    await harness.cancel((await harness.place()).id)
    order = await harness.place()
    await harness.pay(order.id)
    await harness.cancel(order.id)
    with pytest.raises(InsufficientStock):
        await harness.place(harness.stock.add(available=1), quantity=2)
    for tracking in ("1Z999", None):
        order = await harness.place()
        await harness.pay(order.id)
        await harness.move(order.id, OrderStatus.PROCESSING)
        await harness.move(order.id, OrderStatus.SHIPPED, tracking=tracking)
        await harness.move(order.id, OrderStatus.DELIVERED)
        await harness.refund(order.id, "1")
    await harness.refund(order.id)
    await harness.place()
    harness.clock.forward(WINDOW * 2)
    await harness.until_quiet()
    return [json.loads(row.envelope) for row in await harness.rows("SELECT envelope FROM outbox")]


@pytest.mark.parametrize("name", ["envelope", *ORDERS])
def test_a_schema_is_one_of_2020_12_and_named_like_its_file(name: str):
    document = _document(name)
    Draft202012Validator.check_schema(document)
    assert document["$id"] == f"urn:supergraph:events:{name}"


async def test_every_event_fits_its_schema(told: list[dict[str, Any]]):
    assert {event["type"] for event in told} == set(ORDERS)
    for event in told:
        _validator(event["type"]).validate(event)


async def test_an_event_that_lacks_or_adds_something_does_not_fit(told: list[dict[str, Any]]):
    for kind in ORDERS:
        event = next(e for e in told if e["type"] == kind)
        spoilt = [{**event, "more": 1}]
        spoilt += [{k: v for k, v in event.items() if k != left_out} for left_out in event]
        for key in event["data"]:
            lacking = copy.deepcopy(event)
            del lacking["data"][key]
            spoilt.append(lacking)
        spoilt.append({**event, "data": {**event["data"], "more": 1}})
        spoilt.append({**event, "source": "users"})
        for wrong in spoilt:
            with pytest.raises(ValidationError):
                _validator(kind).validate(wrong)


def test_the_statuses_of_the_schema_are_those_of_the_domain():
    listed = _document("OrderStatusChanged")["properties"]["data"]["properties"]["status"]["enum"]
    assert listed == [status.value for status in OrderStatus]


async def test_the_milestones_tell_what_a_customer_is_to_know(harness: OrdersHarness):
    order = await harness.place()
    with pytest.raises(PaymentDeclined):
        await harness.pay(order.id, "tok_declined")
    await harness.pay(order.id)
    await harness.move(order.id, OrderStatus.PROCESSING)
    await harness.move(order.id, OrderStatus.SHIPPED, tracking="1Z999")
    await harness.refund(order.id, "2.50")
    rows = await harness.rows(
        "SELECT type, envelope FROM outbox WHERE type <> 'OrderStatusChanged' ORDER BY position"
    )
    told = [(row.type, json.loads(row.envelope)["data"]) for row in rows]
    about = {"order_id": order.id, "number": order.number, "user_id": harness.ann.user_id}
    total = {"minor": order.total.minor, "currency": "USD"}
    assert told == [
        ("OrderCreated", about),
        ("OrderConfirmed", {**about, "total": total}),  # and not again after the payment that was declined
        ("OrderPaid", {**about, "total": total}),
        ("OrderShipped", {**about, "total": total, "tracking_number": "1Z999"}),
        ("OrderRefunded", {**about, "amount": {"minor": 250, "currency": "USD"}}),
    ]

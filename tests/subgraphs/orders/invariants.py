"""What holds of every order once nothing is left to do, whatever happened on the way (consistency.md)."""

from itertools import pairwise

import orjson

from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.transitions import SOLD, TERMINAL, TRANSITIONS, OrderStatus
from subgraphs.orders.ports.inventory import HoldState
from tests.subgraphs.orders.order_books import OrderBooks
from tests.subgraphs.orders.orders_harness import OrdersHarness

_HOLDS = {
    OrderStatus.AWAITING_PAYMENT: {HoldState.HELD, HoldState.PINNED},
    OrderStatus.PAID: {HoldState.COMMITTED},
    OrderStatus.PROCESSING: {HoldState.COMMITTED},
    OrderStatus.SHIPPED: {HoldState.COMMITTED},
    OrderStatus.DELIVERED: {HoldState.COMMITTED},
    OrderStatus.REFUNDED: {HoldState.COMMITTED, HoldState.RESTOCKED},
    OrderStatus.REJECTED: {HoldState.RELEASED, HoldState.ABSENT},
    OrderStatus.EXPIRED: {HoldState.RELEASED},
    OrderStatus.CANCELLED: {HoldState.RELEASED, HoldState.RESTOCKED},
}
_EDGES = {(source, target) for (source, _), target in TRANSITIONS.items()}


async def check(harness: OrdersHarness) -> None:
    """Every invariant of every order in `harness`, which must be quiet."""
    for [order_id] in await harness.rows("SELECT id FROM orders"):
        await check_history(harness, order_id)
        await check_order(harness, order_id, hold=harness.stock.state(order_id))
    await check_outbox(harness)
    await check_units_sold(harness)
    check_stock(harness)


async def check_history(harness: OrderBooks, order_id: str) -> None:
    """The events count 1, 2, 3 …, follow the table, and end where the order stands."""
    order, history = await harness.order(order_id), await harness.history(order_id)
    assert [event.seq for event in history] == list(range(1, order.last_seq + 1))
    statuses = [event.status for event in history]
    assert statuses[0] is OrderStatus.PENDING_STOCK
    assert statuses[-1] is order.status
    assert set(pairwise(statuses)) <= _EDGES, statuses


async def check_order(harness: OrderBooks, order_id: str, *, hold: HoldState) -> None:
    """Money and stock are what the order's state and history say."""
    order = await harness.order(order_id)
    passed = {event.status for event in await harness.history(order_id)}
    was_paid = OrderStatus.PAID in passed
    whole = was_paid and order.status in {OrderStatus.CANCELLED, OrderStatus.REFUNDED}

    captures = await harness.rows(
        "SELECT c.amount_minor FROM sandbox_charges c JOIN payments p ON c.key = p.attempt_id "
        "WHERE p.order_id = :id AND c.status = 'captured' AND p.status <> 'DECLINED'",
        id=order_id,
    )
    await check_late_captures(harness, order_id)
    made = await harness.rows(
        "SELECT key, amount_minor FROM sandbox_charges WHERE key LIKE :keys ORDER BY key",
        keys=f"refund:{order_id}%",
    )
    recorded = await harness.rows(
        "SELECT key, amount_minor FROM refunds WHERE order_id = :id AND status = 'DONE' AND key LIKE :keys ORDER BY key",
        id=order_id,
        keys=f"refund:{order_id}%",
    )
    assert captures == ([(order.total.minor,)] if was_paid else [])
    assert made == recorded
    refunded = sum(amount for _, amount in made)
    assert (refunded == order.total.minor) if whole else (refunded < order.total.minor or not was_paid)

    payment = await harness.payment(order_id)
    if was_paid:
        assert payment is not None
        part = PaymentStatus.PARTIALLY_REFUNDED if refunded else PaymentStatus.CAPTURED
        assert payment.status is (PaymentStatus.REFUNDED if whole else part)
        assert payment.refunded.minor == refunded
    else:
        assert payment is None or payment.status is PaymentStatus.DECLINED
        assert refunded == 0

    assert hold in _HOLDS[order.status], (order.status, hold)
    if order.status is OrderStatus.CANCELLED:
        assert hold is (HoldState.RESTOCKED if was_paid else HoldState.RELEASED)
    if order.status is OrderStatus.REFUNDED:
        assert hold is (HoldState.COMMITTED if OrderStatus.SHIPPED in passed else HoldState.RESTOCKED)
    if order.status in TERMINAL | SOLD:
        assert order.resume_at is None


async def check_late_captures(harness: OrderBooks, order_id: str) -> None:
    """What was captured for an attempt that was written off went back, once and whole, under the attempt's key."""
    late = await harness.rows(
        "SELECT 'refund:' || p.attempt_id AS key, c.amount_minor FROM sandbox_charges c "
        "JOIN payments p ON c.key = p.attempt_id "
        "WHERE p.order_id = :id AND c.status = 'captured' AND p.status = 'DECLINED' ORDER BY 1",
        id=order_id,
    )
    made = await harness.rows(
        "SELECT c.key, c.amount_minor FROM sandbox_charges c JOIN refunds r ON r.key = c.key "
        "JOIN payments p ON p.attempt_id = r.attempt_id AND p.refunded_minor = c.amount_minor "
        "WHERE r.order_id = :id AND r.key = 'refund:' || r.attempt_id AND r.status = 'DONE' ORDER BY 1",
        id=order_id,
    )
    assert made == late


async def check_outbox(harness: OrderBooks) -> None:
    """Each change of status is told once, in order, and so are the milestones."""
    told = [
        orjson.loads(row.envelope) for row in await harness.rows("SELECT * FROM outbox ORDER BY position")
    ]
    changes = await harness.rows("SELECT order_id, seq, status FROM order_events ORDER BY order_id, seq")
    data = [event["data"] for event in told if event["type"] == "OrderStatusChanged"]
    by_order = sorted(data, key=lambda d: d["order_id"])  # stable: each order's events keep their order
    assert [(d["order_id"], d["seq"], d["status"]) for d in by_order] == [tuple(c) for c in changes]
    for kind, status in (
        ("OrderCreated", "PENDING_STOCK"),
        ("OrderPaid", "PAID"),
        ("OrderShipped", "SHIPPED"),
        ("OrderDelivered", "DELIVERED"),
        ("OrderRejected", "REJECTED"),
        ("OrderExpired", "EXPIRED"),
        ("OrderCancelled", "CANCELLED"),
    ):
        ids = sorted(event["data"]["order_id"] for event in told if event["type"] == kind)
        assert ids == sorted(c.order_id for c in changes if c.status == status)
    confirmed = sorted(event["data"]["order_id"] for event in told if event["type"] == "OrderConfirmed")
    assert confirmed == sorted({c.order_id for c in changes if c.status == "AWAITING_PAYMENT"})
    refunds = [event["data"] for event in told if event["type"] == "OrderRefunded"]
    made = await harness.rows(
        "SELECT order_id, amount_minor FROM refunds WHERE status = 'DONE' ORDER BY 1, 2"
    )
    assert sorted((r["order_id"], r["amount"]["minor"]) for r in refunds) == [tuple(m) for m in made]


async def check_units_sold(harness: OrdersHarness) -> None:
    """The counters are what counting comes to."""
    counted = await harness.rows(
        "SELECT product_id, sum(quantity) FROM order_items i JOIN orders o ON o.id = i.order_id "
        "WHERE o.status IN ('PAID', 'PROCESSING', 'SHIPPED', 'DELIVERED') GROUP BY product_id ORDER BY 1"
    )
    kept = await harness.rows("SELECT product_id, units FROM units_sold WHERE units <> 0 ORDER BY 1")
    assert kept == counted


def check_stock(harness: OrdersHarness) -> None:
    """No unit is lost or made: what is not available is held or sold."""
    taken = {HoldState.HELD, HoldState.PINNED, HoldState.COMMITTED}
    for product in harness.stock.products.values():
        out = sum(
            line.quantity
            for hold in harness.stock.holds.values()
            if hold.state in taken
            for line in hold.lines
            if line.product_id == product.id
        )
        assert product.available + out == product.on_hand

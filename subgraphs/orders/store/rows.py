"""Rows of the database as domain objects."""

from typing import Any

from sqlalchemy import Row

from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import AttemptId, OrderId, ProductId, UserId
from subgraphs.orders.domain.items import OrderItem
from subgraphs.orders.domain.orders import CancellationRequest, Order, OrderEvent, Rejection, RejectionKind
from subgraphs.orders.domain.payments import Payment, PaymentEvent, PaymentStatus
from subgraphs.orders.domain.refunds import Refund, RefundStatus
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.store.tables import orders

# The number of attempts to resume an order is the resume job's own business.
ORDER_COLUMNS = [c for c in orders.c if c.name != "attempts"]


def to_order(row: Row[Any]) -> Order:
    return Order(
        id=OrderId(row.id),
        number=row.number,
        user_id=UserId(row.user_id),
        status=OrderStatus(row.status),
        subtotal=_amount(row.subtotal_minor, row.currency),
        total=_amount(row.total_minor, row.currency),
        shipping=ShippingDetails(**row.shipping) if row.shipping else None,
        tracking_number=row.tracking_number,
        version=row.version,
        last_seq=row.last_seq,
        cancellation_request=(
            CancellationRequest(**row.cancellation_request) if row.cancellation_request else None
        ),
        rejection=_rejection(row.rejection) if row.rejection else None,
        expires_at=row.expires_at,
        resume_at=row.resume_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def to_item(row: Row[Any]) -> OrderItem:
    return OrderItem(
        id=row.id,
        order_id=OrderId(row.order_id),
        product_id=ProductId(row.product_id),
        quantity=row.quantity,
        name=row.name,
        sku=row.sku,
        price=_amount(row.price_minor, row.currency),
    )


def to_event(row: Row[Any]) -> OrderEvent:
    return OrderEvent(
        order_id=OrderId(row.order_id),
        seq=row.seq,
        status=OrderStatus(row.status),
        at=row.at,
        actor=row.actor,
        note=row.note,
    )


def to_payment(row: Row[Any]) -> Payment:
    return Payment(
        attempt_id=AttemptId(row.attempt_id),
        order_id=OrderId(row.order_id),
        seq=row.seq,
        method=row.method,
        token=row.token,
        provider=row.provider,
        reference=row.reference,
        amount=_amount(row.amount_minor, row.currency),
        refunded=_amount(row.refunded_minor, row.currency),
        status=PaymentStatus(row.status),
        transaction_id=row.transaction_id,
        reason=row.reason,
        paid_at=row.paid_at,
    )


def to_refund(row: Row[Any]) -> Refund:
    return Refund(
        key=row.key,
        order_id=OrderId(row.order_id),
        attempt_id=AttemptId(row.attempt_id),
        amount=_amount(row.amount_minor, row.currency),
        status=RefundStatus(row.status),
        actor=row.actor,
        reason=row.reason,
        created_at=row.created_at,
        due_at=row.due_at,
    )


def to_payment_event(row: Row[Any]) -> PaymentEvent:
    return PaymentEvent(
        provider=row.provider,
        event_id=row.event_id,
        type=row.type,
        reference=row.reference,
        received_at=row.received_at,
    )


def _rejection(document: dict[str, Any]) -> Rejection:
    return Rejection(**{**document, "kind": RejectionKind(document["kind"])})


def _amount(minor: int, currency: str) -> Amount:
    return Amount(MinorUnits(minor), currency)

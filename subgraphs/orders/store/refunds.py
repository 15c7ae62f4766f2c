"""Refunds, and what they leave of the payment."""

from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.orders.domain import events
from subgraphs.orders.domain.ids import OrderId, UserId
from subgraphs.orders.domain.payments import PaymentStatus
from subgraphs.orders.domain.refunds import Refund, RefundStatus
from subgraphs.orders.store.rows import to_refund
from subgraphs.orders.store.tables import orders, outbox, payments, refunds


class RefundStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_order(self, order_id: OrderId) -> list[Refund]:
        """All of an order's refunds, the first one first."""
        query = (
            select(refunds)
            .where(refunds.c.order_id == order_id)
            .order_by(refunds.c.created_at, refunds.c.key)
        )
        return [to_refund(row) for row in await self._connection.execute(query)]

    async def insert(self, refund: Refund) -> None:
        """Record a refund that is to be made; nothing where its key is on record."""
        row = {
            "key": refund.key,
            "order_id": refund.order_id,
            "attempt_id": refund.attempt_id,
            "amount_minor": refund.amount.minor,
            "currency": refund.amount.currency,
            "status": refund.status.value,
            "actor": refund.actor,
            "reason": refund.reason,
            "created_at": refund.created_at,
        }
        await self._connection.execute(upsert(refunds).values(row).on_conflict_do_nothing())

    async def done(self, refund: Refund, *, at: datetime) -> None:
        """Record that the provider had made the refund by `at`, count it to the payment, and tell of it.

        Once, however often it is told.
        """
        first = await self._connection.execute(
            update(refunds)
            .where(refunds.c.key == refund.key, refunds.c.status == RefundStatus.PENDING.value)
            .values(status=RefundStatus.DONE.value, done_at=at)
        )
        if not first.rowcount:
            return
        refunded = payments.c.refunded_minor + refund.amount.minor
        whole = case(
            (refunded == payments.c.amount_minor, PaymentStatus.REFUNDED.value),
            else_=PaymentStatus.PARTIALLY_REFUNDED.value,
        )
        await self._connection.execute(
            update(payments)
            .where(payments.c.attempt_id == refund.attempt_id)
            .values(refunded_minor=refunded, status=whole)
        )
        owner = select(orders.c.number, orders.c.user_id).where(orders.c.id == refund.order_id)
        order = (await self._connection.execute(owner)).one()
        event = events.refunded(refund, number=order.number, user_id=UserId(order.user_id))
        await enqueue(self._connection, outbox, event)

"""Refunds, and what they leave of the payment."""

from datetime import datetime, timedelta

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.postgres.outbox import enqueue
from subgraphs.orders.domain import events
from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.payments import Payment, PaymentStatus
from subgraphs.orders.domain.refunds import Refund, RefundStatus
from subgraphs.orders.store.leases import claim
from subgraphs.orders.store.rows import to_refund
from subgraphs.orders.store.tables import orders, outbox, payments, refunds


class RefundStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_payment(self, payment: Payment) -> list[Refund]:
        """All refunds of a payment, the first one first."""
        query = (
            select(refunds)
            .where(refunds.c.order_id == payment.order_id, refunds.c.attempt_id == payment.attempt_id)
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
            "due_at": refund.due_at,
        }
        await self._connection.execute(upsert(refunds).values(row).on_conflict_do_nothing())

    async def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[Refund]:
        """Refunds that no order waits for and whose time has come, leased to the caller."""
        statement = claim(
            refunds, refunds.c.due_at, now=now, lease=lease, limit=limit, returning=list(refunds.c)
        )
        return [to_refund(row) for row in await self._connection.execute(statement)]

    async def done(self, refund: Refund, *, at: datetime) -> bool:
        """Record that the provider had made the refund by `at`, count it to the payment, and tell of it.

        Once, however often it is told: whether this was the first time.
        """
        first = await self._connection.execute(
            update(refunds)
            .where(refunds.c.key == refund.key, refunds.c.status == RefundStatus.PENDING.value)
            .values(status=RefundStatus.DONE.value, done_at=at, due_at=None)
        )
        if not first.rowcount:
            return False
        refunded = payments.c.refunded_minor + refund.amount.minor
        whole = case(
            # Of a capture that came too late: the attempt stays what it is for its order.
            (payments.c.status == PaymentStatus.DECLINED.value, payments.c.status),
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
        return True

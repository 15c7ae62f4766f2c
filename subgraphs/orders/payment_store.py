"""Access to payment attempts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, any_, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain import AttemptId, OrderId, Payment, PaymentStatus
from subgraphs.orders.rows import to_payment
from subgraphs.orders.tables import payments


class PaymentStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def latest_of(self, order_ids: Sequence[OrderId]) -> list[Payment | None]:
        """The last attempt of each order, which is the captured one where there is one."""
        query = (
            select(payments)
            .distinct(payments.c.order_id)
            .where(payments.c.order_id == any_(bindparam("ids", type_=ARRAY(Text()))))
            .order_by(payments.c.order_id, payments.c.created_at.desc(), payments.c.attempt_id.desc())
        )
        rows = (await self._connection.execute(query, {"ids": list(order_ids)})).all()
        found = {row.order_id: to_payment(row) for row in rows}
        return [found.get(i) for i in order_ids]

    async def get(self, attempt_id: str) -> Payment | None:
        query = select(payments).where(payments.c.attempt_id == attempt_id)
        row = (await self._connection.execute(query)).one_or_none()
        return to_payment(row) if row else None

    async def insert(self, payment: Payment) -> None:
        await self._connection.execute(
            insert(payments),
            {
                "attempt_id": payment.attempt_id,
                "order_id": payment.order_id,
                "method": payment.method,
                "token": payment.token,
                "amount_minor": payment.amount.minor,
                "currency": payment.amount.currency,
                "status": payment.status.value,
            },
        )

    async def captured(self, attempt_id: AttemptId, *, transaction_id: str, at: datetime) -> None:
        await self._set(attempt_id, status=PaymentStatus.CAPTURED, transaction_id=transaction_id, paid_at=at)

    async def declined(self, attempt_id: AttemptId, *, reason: str) -> None:
        await self._set(attempt_id, status=PaymentStatus.DECLINED, reason=reason)

    async def unknown(self, attempt_id: AttemptId) -> None:
        await self._set(attempt_id, status=PaymentStatus.UNKNOWN)

    async def refunded(self, payment: Payment) -> None:
        await self._set(
            payment.attempt_id, status=PaymentStatus.REFUNDED, refunded_minor=payment.amount.minor
        )

    async def _set(self, attempt_id: AttemptId, *, status: PaymentStatus, **columns: object) -> None:
        statement = update(payments).where(payments.c.attempt_id == attempt_id)
        await self._connection.execute(statement.values(status=status.value, **columns))

"""Payment attempts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.ids import AttemptId, OrderId
from subgraphs.orders.domain.payments import Payment, PaymentStatus
from subgraphs.orders.store.keys import any_of, known_ids
from subgraphs.orders.store.rows import to_payment
from subgraphs.orders.store.tables import payments

_OPEN = (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, PaymentStatus.UNKNOWN)


class PaymentStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def latest_of(self, order_ids: Sequence[OrderId]) -> list[Payment | None]:
        """The last attempt of each order, which is the captured one where there is one."""
        query = (
            select(payments)
            .ext(distinct_on(payments.c.order_id))
            .where(payments.c.order_id == any_of("ids"))
            .order_by(payments.c.order_id, payments.c.seq.desc())
        )
        rows = (await self._connection.execute(query, {"ids": known_ids(order_ids)})).all()
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
                "seq": payment.seq,
                "method": payment.method,
                "token": payment.token,
                "amount_minor": payment.amount.minor,
                "currency": payment.amount.currency,
                "status": payment.status.value,
            },
        )

    async def captured(self, attempt_id: AttemptId, *, transaction_id: str, at: datetime) -> None:
        await self._set(
            attempt_id,
            _OPEN,
            status=PaymentStatus.CAPTURED.value,
            transaction_id=transaction_id,
            paid_at=at,
        )

    async def declined(self, attempt_id: AttemptId, *, reason: str) -> None:
        await self._set(attempt_id, _OPEN, status=PaymentStatus.DECLINED.value, reason=reason)

    async def unknown(self, attempt_id: AttemptId) -> None:
        await self._set(attempt_id, _OPEN, status=PaymentStatus.UNKNOWN.value)

    async def _set(
        self, attempt_id: AttemptId, only: Sequence[PaymentStatus], **columns: str | int | datetime
    ) -> None:
        """Write `columns` where the attempt is in a status of `only`.

        Two may run the same step, and the slower one must not undo what came after it.
        """
        statement = update(payments).where(
            payments.c.attempt_id == attempt_id, payments.c.status.in_([s.value for s in only])
        )
        await self._connection.execute(statement.values(**columns))

"""Payment attempts."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Update, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.ids import AttemptId, OrderId
from subgraphs.orders.domain.payments import OPEN, Payment, PaymentStatus
from subgraphs.orders.store.keys import any_of, known_ids
from subgraphs.orders.store.rows import to_payment
from subgraphs.orders.store.tables import payments


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

    async def by_reference(self, provider: str, reference: str) -> Payment | None:
        query = select(payments).where(payments.c.provider == provider, payments.c.reference == reference)
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
                "provider": payment.provider,
                "amount_minor": payment.amount.minor,
                "currency": payment.amount.currency,
                "status": payment.status.value,
            },
        )

    async def initiated(self, attempt_id: AttemptId, *, reference: str) -> str:
        """Record what the provider calls an attempt; the reference that is on record, where another was first.

        Raises StaleOrder where the attempt has been written off: no money may move for it any more.
        """
        statement = (
            _where(attempt_id, OPEN)
            .values(reference=func.coalesce(payments.c.reference, reference))
            .returning(payments.c.reference)
        )
        recorded = (await self._connection.execute(statement)).scalar_one_or_none()
        if recorded is None:
            raise StaleOrder
        return str(recorded)

    async def captured(self, attempt_id: AttemptId, *, transaction_id: str, at: datetime) -> Payment | None:
        """Record a capture. None where it was, or where it came late: the attempt, as it was written off, then.

        Two may run the same step, and the slower one must not undo what came after it.
        """
        captured = PaymentStatus.CAPTURED.value
        statement = _where(attempt_id, OPEN).values(
            status=captured, transaction_id=transaction_id, paid_at=at
        )
        if (await self._connection.execute(statement)).rowcount:
            return None
        late = _where(attempt_id, [PaymentStatus.DECLINED]).values(transaction_id=transaction_id)
        row = (await self._connection.execute(late.returning(*payments.c))).one_or_none()
        return to_payment(row) if row else None

    async def declined(self, attempt_id: AttemptId, *, reason: str, unless_initiated: bool = False) -> None:
        """Write off an attempt. Raises StaleOrder where it is captured, or, where that matters, with a provider."""
        statement = _where(attempt_id, OPEN)
        if unless_initiated:
            statement = statement.where(payments.c.reference.is_(None))
        declined = statement.values(status=PaymentStatus.DECLINED.value, reason=reason)
        if not (await self._connection.execute(declined)).rowcount:
            raise StaleOrder

    async def unknown(self, attempt_id: AttemptId) -> None:
        """Record that the outcome is not known; nothing where it is."""
        statement = _where(attempt_id, OPEN).values(status=PaymentStatus.UNKNOWN.value)
        await self._connection.execute(statement)


def _where(attempt_id: AttemptId, statuses: Iterable[PaymentStatus]) -> Update:
    """A change of an attempt that is in one of `statuses`."""
    return update(payments).where(
        payments.c.attempt_id == attempt_id, payments.c.status.in_([s.value for s in statuses])
    )

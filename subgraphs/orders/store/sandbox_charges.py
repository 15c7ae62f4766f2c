"""The books of the sandbox payment provider: what became of each idempotency key that it has seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.money import Amount
from subgraphs.orders.domain.refunds import REFUND_KEY_PREFIX
from subgraphs.orders.domain.transitions import CHARGEABLE
from subgraphs.orders.store.tables import orders, payments, refunds, sandbox_charges


class SandboxChargeStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, key: str) -> Row[Any] | None:
        query = select(sandbox_charges).where(sandbox_charges.c.key == key)
        return (await self._connection.execute(query)).one_or_none()

    async def lock(self, key: str) -> Row[Any] | None:
        """The entry, which nobody else changes before this transaction ends."""
        query = select(sandbox_charges).where(sandbox_charges.c.key == key).with_for_update()
        return (await self._connection.execute(query)).one_or_none()

    async def insert(
        self,
        key: str,
        *,
        status: str,
        amount: Amount,
        token: str | None = None,
        transaction_id: str | None = None,
    ) -> bool:
        """Whether this was the first entry of its key. Waits for another transaction that is writing it."""
        row = {
            "key": key,
            "status": status,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "token": token,
            "transaction_id": transaction_id,
        }
        result = await self._connection.execute(upsert(sandbox_charges).values(row).on_conflict_do_nothing())
        return bool(result.rowcount)

    async def set(
        self, key: str, *, status: str, transaction_id: str | None = None, reason: str | None = None
    ) -> None:
        await self._connection.execute(
            update(sandbox_charges)
            .where(sandbox_charges.c.key == key)
            .values(status=status, transaction_id=transaction_id, reason=reason)
        )

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` entries from before that time that no order can need any more. Returns how many.

        An order needs its capture to be refunded, and its refunds to be made no second time; so does a capture that
        came too late, for as long as its refund is not made.
        """
        charges = sandbox_charges.c
        alive = orders.c.status.in_([s.value for s in CHARGEABLE])
        attempt = exists().where(
            payments.c.attempt_id == charges.key, orders.c.id == payments.c.order_id, alive
        )
        # Behind the prefix stands the order's id, and behind that, for a partial refund, its own.
        refunded = func.split_part(func.substr(charges.key, len(REFUND_KEY_PREFIX) + 1), ":", 1)
        refund = exists().where(orders.c.id == refunded, alive)
        late = exists().where(
            refunds.c.due_at.is_not(None),
            or_(refunds.c.attempt_id == charges.key, refunds.c.key == charges.key),
        )
        oldest = (
            select(charges.key)
            .where(charges.created_at < before, not_(attempt), not_(refund), not_(late))
            .order_by(charges.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=sandbox_charges)
            .cte("oldest")
        )
        statement = delete(sandbox_charges).where(charges.key == oldest.c.key)
        return (await self._connection.execute(statement)).rowcount

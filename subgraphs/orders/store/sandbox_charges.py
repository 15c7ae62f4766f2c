"""The books of the sandbox payment provider: what became of each idempotency key that it has seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, not_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.money import Amount
from subgraphs.orders.domain.refunds import REFUND_KEY_PREFIX
from subgraphs.orders.domain.transitions import CHARGEABLE
from subgraphs.orders.store.tables import orders, payments, sandbox_charges


class SandboxChargeStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, key: str) -> Row[Any] | None:
        query = select(sandbox_charges).where(sandbox_charges.c.key == key)
        return (await self._connection.execute(query)).one_or_none()

    async def insert(
        self,
        key: str,
        *,
        status: str,
        amount: Amount,
        transaction_id: str | None = None,
        reason: str | None = None,
    ) -> bool:
        """Whether this was the first entry of its key. Waits for another transaction that is writing it."""
        row = {
            "key": key,
            "status": status,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "transaction_id": transaction_id,
            "reason": reason,
        }
        result = await self._connection.execute(upsert(sandbox_charges).values(row).on_conflict_do_nothing())
        return bool(result.rowcount)

    async def capture_after_error(self, key: str, *, transaction_id: str) -> None:
        """Capture what an error left undone; nothing where the key did not end in one."""
        await self._connection.execute(
            update(sandbox_charges)
            .where(sandbox_charges.c.key == key, sandbox_charges.c.status == "error")
            .values(status="captured", transaction_id=transaction_id)
        )

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` entries from before that time that no order can need any more. Returns how many.

        An order needs its capture to be refunded, and its refunds to be made no second time.
        """
        charges = sandbox_charges.c
        alive = orders.c.status.in_([s.value for s in CHARGEABLE])
        attempt = exists().where(
            payments.c.attempt_id == charges.key, orders.c.id == payments.c.order_id, alive
        )
        # Behind the prefix stands the order's id, and behind that, for a partial refund, its own.
        refunded = func.split_part(func.substr(charges.key, len(REFUND_KEY_PREFIX) + 1), ":", 1)
        refund = exists().where(orders.c.id == refunded, alive)
        oldest = (
            select(charges.key)
            .where(charges.created_at < before, not_(attempt), not_(refund))
            .order_by(charges.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=sandbox_charges)
            .cte("oldest")
        )
        statement = delete(sandbox_charges).where(charges.key == oldest.c.key)
        return (await self._connection.execute(statement)).rowcount

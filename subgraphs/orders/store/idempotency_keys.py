"""Idempotency keys."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import Conflict
from subgraphs.orders.store.tables import idempotency_keys


class IdempotencyKeyStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, user_id: str, operation: str, key: str, *, request_hash: str, resource_id: str
    ) -> str | None:
        """Reserve a key for `resource_id`; the resource that it already stands for, if it does.

        Waits for another transaction that is writing the same key, and sees what that one committed,
        since each statement under READ COMMITTED has a snapshot of its own. Raises Conflict where the
        key was used for another request.
        """
        row = {
            "user_id": user_id,
            "operation": operation,
            "key": key,
            "request_hash": request_hash,
            "resource_id": resource_id,
        }
        statement = upsert(idempotency_keys).values(row).on_conflict_do_nothing()
        if (await self._connection.execute(statement)).rowcount:
            return None
        query = select(idempotency_keys.c.request_hash, idempotency_keys.c.resource_id).where(
            idempotency_keys.c.user_id == user_id,
            idempotency_keys.c.operation == operation,
            idempotency_keys.c.key == key,
        )
        found = (await self._connection.execute(query)).one()
        if found.request_hash != request_hash:
            raise Conflict("This idempotency key was used for another request; use a new key.")
        return str(found.resource_id)

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` keys that were used before that time, the oldest first. Returns how many."""
        keys = idempotency_keys.c
        oldest = (
            select(keys.user_id, keys.operation, keys.key)
            .where(keys.created_at < before)
            .order_by(keys.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("oldest")
        )
        statement = delete(idempotency_keys).where(
            keys.user_id == oldest.c.user_id, keys.operation == oldest.c.operation, keys.key == oldest.c.key
        )
        return (await self._connection.execute(statement)).rowcount

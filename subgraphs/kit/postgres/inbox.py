"""The inbox of a consumer: an event takes effect once, however often it is delivered.

That an event was seen is a row of the transaction in which it takes effect. Both are there or neither is, and who
gets the event a second time, after a crash before the acknowledgement say, finds the row and does nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.event import Event
from subgraphs.kit.postgres.engine import Postgres

Effect = Callable[[AsyncConnection, Event], Awaitable[None]]
"""What an event does, all of it within the transaction of the connection."""

RETENTION = timedelta(days=30)
"""For how long an event is known again. A transport that brings one back later brings a new one."""


def inbox_table(metadata: MetaData) -> Table:
    table = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("message_id", Text, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    Index("inbox_at", table.c.at)
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """The inbox of one `consumer`; `handle` is what a Consumer calls."""

    postgres: Postgres
    table: Table
    consumer: str
    effect: Effect

    async def handle(self, event: Event) -> None:
        async with self.postgres.unit_of_work() as connection:
            if await self._is_new(connection, event):
                await self.effect(connection, event)

    async def _is_new(self, connection: AsyncConnection, event: Event) -> bool:
        """Note the event. Where another process is at it right now, wait for how that ends."""
        note = insert(self.table).values(consumer=self.consumer, message_id=event.id).on_conflict_do_nothing()
        return (await connection.execute(note)).rowcount == 1


async def purge(connection: AsyncConnection, table: Table, *, limit: int) -> int:
    """Forget up to `limit` events that were seen longer ago than RETENTION; returns how many."""
    key = (table.c.consumer, table.c.message_id)
    old = (
        select(*key)
        .where(table.c.at < func.now() - RETENTION)
        .order_by(table.c.at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(delete(table).where(tuple_(*key).in_(old)))).rowcount

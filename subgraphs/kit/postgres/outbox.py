"""The transactional outbox: an event is a row of the transaction that it tells of.

A relay publishes what is unpublished and then marks it, so an event may be sent twice after a crash
and is never lost. It polls `published_at IS NULL`: a cursor over ids would skip the row of a
transaction that commits late.
"""

import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.background import Job, WakeUp, measurement
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.transport import OutgoingEvent, Publisher
from subgraphs.kit.metrics import MOST_UNSENT_COUNTED, OUTBOX_AGE, OUTBOX_UNSENT
from subgraphs.kit.postgres.engine import Postgres

_BATCH = 200
_RETENTION = timedelta(days=7)
_PURGE_EVERY = timedelta(hours=1)
_PURGE_BATCH = 2000
_TRY_REFUSED_AGAIN = 10.0
_POSITIONS = text("CAST(:positions AS bigint[])")


def outbox_table(metadata: MetaData) -> Table:
    table = Table(
        "outbox",
        metadata,
        Column("position", BigInteger, Identity(), primary_key=True),
        Column("id", Text, nullable=False, unique=True),
        Column("type", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("envelope", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("published_at", DateTime(timezone=True)),
    )
    Index("outbox_unpublished", table.c.position, postgresql_where=table.c.published_at.is_(None))
    Index("outbox_published", table.c.published_at, postgresql_where=table.c.published_at.is_not(None))
    return table


async def enqueue(connection: AsyncConnection, table: Table, *events: Event) -> None:
    """Write `events` in the caller's transaction."""
    rows = [
        {"id": e.id, "type": e.type, "source": e.source, "key": e.key, "envelope": e.to_json()}
        for e in events
    ]
    if rows:
        await connection.execute(insert(table), rows)


class OutboxRelay:
    """Moves committed events to the streams of their sources. Of many processes one leads, by advisory lock."""

    def __init__(
        self, postgres: Postgres, publisher: Publisher, table: Table, *, interval: float = 0.2
    ) -> None:
        self._postgres = postgres
        self._publisher = publisher
        self._table = table
        self._interval = interval
        self.wake_up = WakeUp()
        """Say that something was committed, so that it leaves now and not at the next poll."""
        self._purge_at = datetime.now(UTC)
        self._refused: OrderedDict[int, float] = OrderedDict()
        """Positions of events that were refused, and when each is tried again (monotonic seconds)."""

    @property
    def job(self) -> Job:
        return Job(name="outbox_relay", run_once=self.lead, every=1.0)

    @property
    def measuring(self) -> Job:
        """The job that says how far behind the relay is, whichever process leads."""
        return measurement("outbox_backlog", self.measure)

    async def measure(self) -> None:
        created_at = self._table.c.created_at
        unsent = (
            select(created_at)
            .where(self._table.c.published_at.is_(None))
            .order_by(self._table.c.position)
            .limit(MOST_UNSENT_COUNTED)
            .subquery()
        )
        age = func.extract("epoch", func.now() - func.min(unsent.c.created_at))
        async with self._postgres.read() as connection:
            count, oldest = (await connection.execute(select(func.count(), age).select_from(unsent))).one()
        OUTBOX_UNSENT.set(count)
        OUTBOX_AGE.set(max(0.0, float(oldest or 0)))

    async def lead(self) -> None:
        """Relay for as long as this process leads; return at once where another one does."""
        lock = select(func.pg_try_advisory_lock(func.hashtext("outbox_relay")))
        async with self._postgres.read() as connection:
            if not (await connection.execute(lock)).scalar_one():
                return
            try:
                while True:
                    self.wake_up.clear()
                    while await self.publish_batch(connection):
                        pass
                    await self._purge(connection)
                    await self.wake_up.wait(self._interval)
            finally:
                # Shielded by nothing: on cancellation the session ends and the lock with it.
                await connection.invalidate()

    async def publish_batch(self, connection: AsyncConnection) -> bool:
        """Publish up to one batch in order, then mark it. Returns whether there may be more."""
        table = self._table
        query = (
            select(table.c.position, table.c.id, table.c.type, table.c.source, table.c.envelope)
            .where(table.c.published_at.is_(None), table.c.position != func.all(_POSITIONS))
            .order_by(table.c.position)
            .limit(_BATCH)
        )
        rows = (await connection.execute(query, {"positions": self._left_alone()})).all()
        if not rows:
            return False
        events = [OutgoingEvent(row.id, row.type, row.source, row.envelope) for row in rows]
        taken = {event.id for event in await self._publisher.publish(events)}
        await connection.execute(
            update(table).where(table.c.position == func.any(_POSITIONS)).values(published_at=func.now()),
            {"positions": [row.position for row in rows if row.id in taken]},
        )
        again = time.monotonic() + _TRY_REFUSED_AGAIN
        self._refused.update({row.position: again for row in rows if row.id not in taken})
        return len(rows) == _BATCH

    def _left_alone(self) -> list[int]:
        """The positions of refused events whose time has not come."""
        now = time.monotonic()
        while self._refused and next(iter(self._refused.values())) <= now:
            self._refused.popitem(last=False)
        return list(self._refused)

    async def _purge(self, connection: AsyncConnection) -> None:
        """Delete what was published long ago, a batch at a time, so that no lock is held for long."""
        now = datetime.now(UTC)
        if now < self._purge_at:
            return
        table = self._table
        oldest = (
            select(table.c.position)
            .where(table.c.published_at < now - _RETENTION)
            .order_by(table.c.published_at)
            .limit(_PURGE_BATCH)
        )
        while True:
            deleted = await connection.execute(delete(table).where(table.c.position.in_(oldest)))
            if deleted.rowcount < _PURGE_BATCH:
                break
            await self.publish_batch(connection)  # what was committed meanwhile does not wait for the rest
        self._purge_at = now + _PURGE_EVERY

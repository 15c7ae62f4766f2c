"""What payment providers told of their own accord, each event once."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.orders.domain.payments import PaymentEvent
from subgraphs.orders.store.leases import claim
from subgraphs.orders.store.rows import to_payment_event
from subgraphs.orders.store.tables import payment_events

_EVENT_COLUMNS = [payment_events.c[n] for n in ("provider", "event_id", "type", "reference", "received_at")]


class PaymentEventStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, event: PaymentEvent) -> bool:
        """Record an event that is to be worked off now. Whether it is new: a provider may tell it again."""
        row = {
            "provider": event.provider,
            "event_id": event.event_id,
            "type": event.type,
            "reference": event.reference,
            "received_at": event.received_at,
            "due_at": event.received_at,
        }
        statement = upsert(payment_events).values(row).on_conflict_do_nothing()
        return bool((await self._connection.execute(statement)).rowcount)

    async def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[PaymentEvent]:
        """Events that are to be worked off, leased to the caller; one that keeps failing comes less often."""
        statement = claim(
            payment_events,
            payment_events.c.due_at,
            now=now,
            lease=lease,
            limit=limit,
            returning=_EVENT_COLUMNS,
        )
        return [to_payment_event(row) for row in await self._connection.execute(statement)]

    async def done(self, event: PaymentEvent) -> None:
        await self._connection.execute(
            update(payment_events)
            .where(payment_events.c.provider == event.provider, payment_events.c.event_id == event.event_id)
            .values(due_at=None)
        )

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` events that came before that time and are worked off. Returns how many."""
        events = payment_events.c
        oldest = (
            select(events.provider, events.event_id)
            .where(events.received_at < before, events.due_at.is_(None))
            .order_by(events.received_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("oldest")
        )
        statement = delete(payment_events).where(
            events.provider == oldest.c.provider, events.event_id == oldest.c.event_id
        )
        return (await self._connection.execute(statement)).rowcount

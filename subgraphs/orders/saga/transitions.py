"""Changes of an order's state, each a unit of work of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.items import Price
from subgraphs.orders.domain.orders import Order, Rejection
from subgraphs.orders.domain.transitions import Action
from subgraphs.orders.store.orders import OrderStore

LEASE = timedelta(seconds=1)
"""How long a step under way is left alone before the resume job takes it for lost. One that is only slow runs
twice then, which does no harm."""

HOLD_GRACE = timedelta(minutes=5)
"""How much longer than the order its hold lives: orders end the hold, and it ends by itself where they are
down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    postgres: Postgres
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]
    """Called after each commit, so that the outbox is emptied at once."""

    async def apply(
        self,
        order: Order,
        action: Action,
        *,
        leased: bool = False,
        resume_at: datetime | None = None,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
        actor: str | None = None,
        note: str | None = None,
        price: Price | None = None,
        rejection: Rejection | None = None,
    ) -> Order:
        """Apply `action` together with what `also` writes; `leased` where another step follows.

        Returns the changed order. Raises StaleOrder, and writes nothing, where another process has changed it.
        """
        now = self.clock()
        async with self.postgres.unit_of_work() as connection:
            changed = await OrderStore(connection).transition(
                order,
                action,
                now=now,
                resume_at=now + LEASE if leased else resume_at,
                actor=actor,
                note=note,
                price=price,
                rejection=rejection,
            )
            if also is not None:
                await also(connection)
        self.wake_up()
        return changed

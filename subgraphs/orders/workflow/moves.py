"""Changes of an order's state, each a unit of work of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain import Action, Order, Payment
from subgraphs.orders.payment_store import PaymentStore
from subgraphs.orders.store import OrderStore

LEASE = timedelta(seconds=10)
"""How long a step under way is left alone before the worker takes it for lost."""

HOLD_GRACE = timedelta(minutes=5)
"""How much longer than the order its hold lives: the order's side ends it, and it ends by itself where
that side is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    postgres: Postgres
    clock: Callable[[], datetime]
    committed: Callable[[], None]
    """Called after each commit, so that the outbox is emptied at once."""

    async def take(
        self,
        order: Order,
        action: Action,
        *,
        leased: bool = False,
        resume_at: datetime | None = None,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
        actor: str | None = None,
        note: str | None = None,
        **columns: Any,
    ) -> None:
        """Take `action` together with what `also` writes; `leased` where another step follows.

        Raises StaleOrder, and writes nothing, where another process has changed the order.
        """
        now = self.clock()
        async with self.postgres.unit_of_work() as connection:
            await OrderStore(connection).transition(
                order,
                action,
                now=now,
                resume_at=now + LEASE if leased else resume_at,
                actor=actor,
                note=note,
                **columns,
            )
            if also is not None:
                await also(connection)
        self.committed()

    async def payment_of(self, order: Order) -> Payment | None:
        """The last attempt to pay the order."""
        async with self.postgres.read() as connection:
            return (await PaymentStore(connection).latest_of([order.id]))[0]

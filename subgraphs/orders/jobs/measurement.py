"""Measures what stands still, for the metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from subgraphs.kit.background import Job, measurement
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.metrics import SAGA_OVERDUE, SAGA_OVERDUE_AGE
from subgraphs.orders.store.due import DueOrderStore

_LONGEST_PAUSE = timedelta(minutes=2)
"""More than the longest time between two tries of a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOverdueOrders:
    """Each process reads the same of the database."""

    postgres: Postgres
    clock: Callable[[], datetime]

    @property
    def job(self) -> Job:
        return measurement("overdue_orders", self.run_once)

    async def run_once(self) -> None:
        now = self.clock()
        async with self.postgres.read() as connection:
            found = await DueOrderStore(connection).overdue(now=now, longest_pause=_LONGEST_PAUSE)
        for status in OrderStatus:
            overdue = found.get(status)
            SAGA_OVERDUE.labels(status.value).set(overdue.count if overdue else 0)
        since = min((overdue.since for overdue in found.values()), default=now)
        SAGA_OVERDUE_AGE.set((now - since).total_seconds())

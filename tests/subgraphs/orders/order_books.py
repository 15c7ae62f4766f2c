"""What the database of orders has on record, read past the code under test."""

from typing import Any

from sqlalchemy import text

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.orders import Order, OrderEvent
from subgraphs.orders.domain.payments import Payment
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore

_UNFINISHED = """
SELECT id, status, resume_at FROM orders
WHERE status IN ('PENDING_STOCK', 'PAYING', 'CANCELLING')
   OR (status NOT IN ('AWAITING_PAYMENT') AND resume_at IS NOT NULL)
   OR (status IN ('AWAITING_PAYMENT', 'PAID') AND cancellation_request IS NOT NULL)
"""


class OrderBooks:
    """`observer` is a pool of the tests' own, which no fault reaches."""

    def __init__(self, observer: Postgres) -> None:
        self.observer = observer

    async def order(self, order_id: str) -> Order:
        async with self.observer.read() as connection:
            order = await OrderStore(connection).get(order_id)
        assert order is not None
        return order

    async def history(self, order_id: str) -> list[OrderEvent]:
        async with self.observer.read() as connection:
            return (await OrderStore(connection).events_of([order_id]))[0]

    async def statuses(self, order_id: str) -> list[str]:
        return [event.status.value for event in await self.history(order_id)]

    async def payment(self, order_id: str) -> Payment | None:
        async with self.observer.read() as connection:
            return (await PaymentStore(connection).latest_of([order_id]))[0]

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        async with self.observer.read() as connection:
            return list((await connection.execute(text(query), parameters)).all())

    async def unfinished(self) -> list[Any]:
        """What a job still has to do: orders that move by themselves, refunds and events that are due."""
        return [
            *await self.rows(_UNFINISHED),
            *await self.rows("SELECT key FROM refunds WHERE due_at IS NOT NULL"),
            *await self.rows("SELECT event_id FROM payment_events WHERE due_at IS NOT NULL"),
        ]

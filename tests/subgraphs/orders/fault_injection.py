"""Named points at which the process is made to die or a call to fail: before and after each call and commit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.items import OrderLine
from subgraphs.orders.payments.provider import (
    Captured,
    Declined,
    Initiated,
    OutcomeUnknown,
    PaymentProvider,
    State,
)
from subgraphs.orders.ports.inventory import HoldState, Reservation
from tests.subgraphs.orders.stock_service import InMemoryStock


class Crash(BaseException):
    """The process dies here: no handler of the code under test may catch it."""


class Faults:
    """Counts the points that are passed; at those in `plan` something happens."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.plan: dict[int, Callable[[str], Awaitable[None]]] = {}
        self.named: dict[str, Callable[[str], Awaitable[None]]] = {}

    def reset(self) -> None:
        self.passed.clear()
        self.plan.clear()
        self.named.clear()

    async def at(self, point: str) -> None:
        self.passed.append(point)
        action = self.plan.pop(len(self.passed) - 1, None) or self.named.get(point)
        if action is not None:
            await action(point)

    def crash_at(self, *indexes: int) -> None:
        self.plan.update(dict.fromkeys(indexes, crash))

    def fail_at(self, *indexes: int) -> None:
        self.plan.update(dict.fromkeys(indexes, fail))


async def crash(point: str) -> None:
    raise Crash(point)


async def fail(point: str) -> None:
    """The call is lost on its way there, or its answer on its way back."""
    if point.startswith("inventory."):
        raise Unavailable(f"lost at {point}")
    if point.startswith("provider."):
        raise OutcomeUnknown(f"lost at {point}")
    raise ConnectionError(f"lost at {point}")


class FaultyPostgres(Postgres):
    """Dies before or after a commit; reads are not points of interest."""

    faults: Faults

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncConnection]:
        async with super().unit_of_work() as connection:
            yield connection
            await self.faults.at("commit:before")
        await self.faults.at("commit:after")


class FaultyInventory:
    """`Stock` across an unreliable wire."""

    def __init__(self, stock: InMemoryStock, faults: Faults) -> None:
        self._stock = stock
        self._faults = faults
        self.down = False

    async def _call(self, name: str, *args: Any, **options: Any) -> Any:
        if self.down:
            raise Unavailable("the stock service is down")
        await self._faults.at(f"inventory.{name}:before")
        answer = await getattr(self._stock, name)(*args, **options)
        await self._faults.at(f"inventory.{name}:after")
        return answer

    async def reserve(
        self, order_id: OrderId, lines: Sequence[OrderLine], *, expires_at: datetime
    ) -> Reservation:
        return await self._call("reserve", order_id, lines, expires_at=expires_at)

    async def pin(self, order_id: OrderId) -> HoldState:
        return await self._call("pin", order_id)

    async def unpin(self, order_id: OrderId, *, expires_at: datetime) -> HoldState:
        return await self._call("unpin", order_id, expires_at=expires_at)

    async def commit(self, order_id: OrderId) -> HoldState:
        return await self._call("commit", order_id)

    async def release(self, order_id: OrderId) -> HoldState:
        return await self._call("release", order_id)

    async def restock(self, order_id: OrderId) -> HoldState:
        return await self._call("restock", order_id)


class FaultyProvider:
    """A real provider across an unreliable wire."""

    def __init__(self, provider: PaymentProvider, faults: Faults) -> None:
        self._faults = faults
        self.calls: list[tuple[str, str]] = []
        self.use(provider)

    def use(self, provider: PaymentProvider) -> None:
        self._provider = provider
        self.name = provider.name
        self.token = provider.token
        self.webhook = provider.webhook

    async def _call(self, name: str, payment: str, **options: Any) -> Any:
        self.calls.append((name, payment))
        await self._faults.at(f"provider.{name}:before")
        answer = await getattr(self._provider, name)(payment, **options)
        await self._faults.at(f"provider.{name}:after")
        return answer

    async def initiate(self, key: str, *, amount: Amount, token: str) -> Initiated | Declined:
        return await self._call("initiate", key, amount=amount, token=token)

    async def authorise(self, reference: str, *, key: str) -> State:
        return await self._call("authorise", reference, key=key)

    async def capture(self, reference: str, *, key: str) -> State:
        return await self._call("capture", reference, key=key)

    async def status(self, reference: str) -> State:
        return await self._call("status", reference)

    async def cancel(self, reference: str, *, key: str) -> Captured | Declined:
        return await self._call("cancel", reference, key=key)

    async def refund(self, key: str, *, reference: str, amount: Amount) -> str:
        return await self._call("refund", key, reference=reference, amount=amount)

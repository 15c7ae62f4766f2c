"""The products service as orders know it: `schema/proto/inventory.proto`, kept in memory and to the letter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import OrderLine
from subgraphs.orders.ports.inventory import (
    Gone,
    Held,
    HoldState,
    Reservation,
    Shortage,
    Snapshot,
    TooManyHolds,
    UnknownProducts,
)

_TAKEN = {HoldState.HELD, HoldState.PINNED, HoldState.COMMITTED}


@dataclass
class Product:
    available: int
    price: Amount
    id: ProductId = field(default_factory=lambda: ProductId(new_id()))
    name: str = "Lamp"
    sku: str = "LAMP-1"
    full: bool = False
    on_hand: int = field(init=False)

    def __post_init__(self) -> None:
        self.on_hand = self.available


@dataclass
class Hold:
    state: HoldState
    lines: Sequence[OrderLine]
    expires_at: datetime | None
    answer: Reservation


class InMemoryStock:
    """Units of products, and one hold for each order. Its own sweeper runs when `sweep` is called."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.products: dict[ProductId, Product] = {}
        self.holds: dict[OrderId, Hold] = {}

    def add(self, *, available: int = 10, minor: int = 999, currency: str = "USD") -> Product:
        product = Product(available=available, price=Amount(MinorUnits(minor), currency))
        self.products[product.id] = product
        return product

    def state(self, order_id: str) -> HoldState:
        hold = self.holds.get(OrderId(order_id))
        return hold.state if hold else HoldState.ABSENT

    def sweep(self) -> None:
        """Give back what has expired. Pinned holds never do."""
        for hold in self.holds.values():
            if hold.state is HoldState.HELD and hold.expires_at and hold.expires_at <= self._clock():
                self._put_back(hold, HoldState.RELEASED)

    async def reserve(
        self, order_id: OrderId, lines: Sequence[OrderLine], *, expires_at: datetime
    ) -> Reservation:
        hold = self.holds.get(order_id)
        if hold is None:
            hold = self.holds[order_id] = self._take(lines, expires_at)
        return hold.answer if hold.state in _TAKEN or not isinstance(hold.answer, Held) else Gone()

    async def pin(self, order_id: OrderId) -> HoldState:
        return self._move(order_id, {HoldState.HELD}, HoldState.PINNED)

    async def unpin(self, order_id: OrderId, *, expires_at: datetime) -> HoldState:
        if self.state(order_id) is HoldState.PINNED:
            self.holds[order_id].expires_at = expires_at
        return self._move(order_id, {HoldState.PINNED}, HoldState.HELD)

    async def commit(self, order_id: OrderId) -> HoldState:
        return self._move(order_id, {HoldState.HELD, HoldState.PINNED}, HoldState.COMMITTED)

    async def release(self, order_id: OrderId) -> HoldState:
        hold = self.holds.get(order_id)
        if hold is None:  # a tombstone: a reserve that comes later is refused
            self.holds[order_id] = Hold(HoldState.RELEASED, (), None, Gone())
        elif hold.state in {HoldState.HELD, HoldState.PINNED}:
            self._put_back(hold, HoldState.RELEASED)
        return self.holds[order_id].state

    async def restock(self, order_id: OrderId) -> HoldState:
        hold = self.holds.get(order_id)
        if hold is not None and hold.state is HoldState.COMMITTED:
            self._put_back(hold, HoldState.RESTOCKED)
        return self.state(order_id)

    def _take(self, lines: Sequence[OrderLine], expires_at: datetime) -> Hold:
        unknown = [line.product_id for line in lines if line.product_id not in self.products]
        if unknown:
            return Hold(HoldState.RELEASED, (), None, UnknownProducts(unknown))
        if expires_at <= self._clock():
            return Hold(HoldState.RELEASED, (), None, Gone())
        for line in lines:
            if self.products[line.product_id].full:
                return Hold(HoldState.RELEASED, (), None, TooManyHolds(line.product_id))
            available = self.products[line.product_id].available
            if available < line.quantity:
                short = Shortage(product_id=line.product_id, requested=line.quantity, available=available)
                return Hold(HoldState.RELEASED, (), None, short)
        snapshots = []
        for line in lines:
            product = self.products[line.product_id]
            product.available -= line.quantity
            snapshots.append(
                Snapshot(product_id=product.id, name=product.name, sku=product.sku, price=product.price)
            )
        return Hold(HoldState.HELD, lines, expires_at, Held(snapshots))

    def _put_back(self, hold: Hold, state: HoldState) -> None:
        for line in hold.lines:
            self.products[line.product_id].available += line.quantity
        hold.state = state

    def _move(self, order_id: OrderId, sources: set[HoldState], target: HoldState) -> HoldState:
        hold = self.holds.get(order_id)
        if hold is not None and hold.state in sources:
            hold.state = target
        return self.state(order_id)

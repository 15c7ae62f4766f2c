"""What orders need of the service that owns the stock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from subgraphs.kit.money import Amount
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import OrderLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a product was called and cost when its units were held."""

    product_id: ProductId
    name: str
    sku: str
    price: Amount


@dataclass(frozen=True, slots=True)
class Held:
    items: Sequence[Snapshot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    product_id: ProductId
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class UnknownProducts:
    product_ids: Sequence[ProductId]


@dataclass(frozen=True, slots=True)
class Gone:
    """The hold was given back before this reserve came, or has expired."""


@dataclass(frozen=True, slots=True)
class TooManyHolds:
    """The product is held for as many orders at once as it may be; there are units left."""

    product_id: ProductId


Reservation = Held | Shortage | UnknownProducts | TooManyHolds | Gone


class HoldState(Enum):
    HELD = auto()
    PINNED = auto()
    COMMITTED = auto()
    RELEASED = auto()
    RESTOCKED = auto()
    ABSENT = auto()


class Inventory(Protocol):
    """Every call is keyed by the order and may be repeated.

    Each raises Unavailable when nothing is known about the outcome.
    """

    async def reserve(
        self, order_id: OrderId, lines: Sequence[OrderLine], *, expires_at: datetime
    ) -> Reservation: ...

    async def pin(self, order_id: OrderId) -> HoldState: ...

    async def unpin(self, order_id: OrderId, *, expires_at: datetime) -> HoldState: ...

    async def commit(self, order_id: OrderId) -> HoldState: ...

    async def release(self, order_id: OrderId) -> HoldState: ...

    async def restock(self, order_id: OrderId) -> HoldState: ...

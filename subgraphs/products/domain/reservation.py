"""The life of a reservation: units of several products that are held for one order.

    RESERVING ──► HELD ◄──► PINNED        taking; taken until `expires_at`; taken until told otherwise
        │          │ │         │ │
        │          │ └─────────│─┴──► COMMITTING ──► COMMITTED ──► RESTOCKING ──► RETURNING ──► RESTOCKED
        └──────────┴───────────┴────► RELEASING  ──► RELEASED

A state in -ING has work left, which any process may finish. Each arrow is one compare-and-set. In
RESTOCKING the units come back as holds, in RETURNING the holds become available: two steps that may each
be repeated, where one that adds to `available` could not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.catalogue import MAX_STOCK, ProductId

OrderId = NewType("OrderId", str)

MAX_LINES = 200
MAX_ORDER_ID = 100


class State(Enum):
    RESERVING = "RESERVING"
    HELD = "HELD"
    PINNED = "PINNED"
    COMMITTING = "COMMITTING"
    COMMITTED = "COMMITTED"
    RELEASING = "RELEASING"
    RELEASED = "RELEASED"
    RESTOCKING = "RESTOCKING"
    RETURNING = "RETURNING"
    RESTOCKED = "RESTOCKED"


UNFINISHED = (State.RESERVING, State.RELEASING, State.COMMITTING, State.RESTOCKING, State.RETURNING)
SETTLED = (State.RELEASED, State.COMMITTED, State.RESTOCKED)
RELEASABLE = (State.RESERVING, State.HELD, State.PINNED)
COMMITTABLE = (State.HELD, State.PINNED)
# A reserve that comes again is answered as the first was, for as long as the units are the order's.
_TAKEN = (State.HELD, State.PINNED, State.COMMITTING, State.COMMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Units of one product."""

    product_id: ProductId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Line):
    """A line with what the product was called and cost when it was reserved."""

    name: str
    sku: str
    price_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Not enough of a product: the reason why a reservation was given back."""

    product_id: ProductId
    requested: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Products that do not exist or are no longer sold."""

    product_ids: tuple[ProductId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The hold was given back before, or has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    items: tuple[Item, ...]
    expires_at: datetime


Refusal = Shortage | Unknown
Outcome = Held | Shortage | Unknown | Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A reservation as stored. A tombstone has neither lines nor `expires_at`.

    `attempt` names the one run that may add holds, until `lease_until`; None where no run may.
    """

    order_id: OrderId
    state: State
    lines: tuple[Line, ...]
    expires_at: datetime | None = None
    held_at: datetime | None = None
    expired: bool = False
    refusal: Refusal | None = None
    attempt: str | None = None
    lease_until: datetime | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(line for line in self.lines if isinstance(line, Item))

    def outcome(self) -> Outcome | None:
        """What a reserve of this order is answered; None while that is open."""
        if self.state is State.RESERVING:
            return None
        if self.state in _TAKEN and self.expires_at is not None:
            return Held(items=self.items, expires_at=self.expires_at)
        return self.refusal or Gone()


def merge_lines(lines: Iterable[Line]) -> tuple[Line, ...]:
    """One line per product, in order of product id: the order in which units are taken.

    Raises ValidationFailed for no line, too many, an empty product id, or a quantity outside of
    1..10^9, merged or single.
    """
    merged: dict[ProductId, int] = {}
    for line in lines:
        if not line.product_id:
            raise ValidationFailed("a line needs a product id", field="lines.product_id")
        if line.quantity < 1:
            raise ValidationFailed("a line needs a quantity of 1 or more", field="lines.quantity")
        merged[line.product_id] = merged.get(line.product_id, 0) + line.quantity
    if not 1 <= len(merged) <= MAX_LINES:
        raise ValidationFailed(
            f"a reservation takes 1 to {MAX_LINES} products, not {len(merged)}", field="lines"
        )
    if max(merged.values()) > MAX_STOCK:
        raise ValidationFailed(f"a quantity may be at most {MAX_STOCK}", field="lines.quantity")
    return tuple(Line(product_id=p, quantity=merged[p]) for p in sorted(merged))


def check_order_id(value: str) -> OrderId:
    if not 1 <= len(value) <= MAX_ORDER_ID:
        raise ValidationFailed(f"an order id has 1 to {MAX_ORDER_ID} characters", field="order_id")
    return OrderId(value)

"""Reservations: units of several products that are held for one order, and the states that they go through.

    RESERVING ──► HELD ◄──► PINNED        being held; held until `expires_at`; held until told otherwise
        │          │ │         │ │
        │          │ └─────────│─┴──► COMMITTING ──► COMMITTED ──► RESTOCKING ──► RETURNING ──► RESTOCKED
        ├──────────┴───────────┴────► RELEASING  ──► RELEASED
        └───────────────────────────────────────────────┘    where nothing was held yet

What cannot be had when it is asked for is refused before a reservation is written: such an order may ask again.
A state in -ING has work left, which any process may finish. Each arrow is one compare-and-set. In
RESTOCKING sold units come back as holds, in RETURNING these holds become available: two steps that may each
be repeated, where one that only adds to `available` could not.

Four things are done to a hold, each by one conditional write of one product:

    hold      available → held      release   held → available
    restore   sold      → held      commit    held → sold

A process may be gone for any time between deciding on a write and the write itself. Therefore each hold has an
identity of its own, the id of the attempt that made it, and a reservation that is HELD or RETURNING has noted
for each line which hold is the one that counts: `commit` and the release of restored units end that one and
no other. What a late write leaves behind is a stray hold; the audit ends it, giving back units that were
taken from `available`, and dropping those that were restored a second time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import NewType

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.products import MAX_STOCK, ProductId

OrderId = NewType("OrderId", str)

MAX_LINES = 200
MAX_ORDER_ID = 100
MAX_PRODUCT_ID = 100

# For so long one attempt alone may hold or restore the units of an order.
LEASE = timedelta(seconds=5)


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


# Where a state in -ING ends once its work is done.
SETTLES_AS = {
    State.RELEASING: State.RELEASED,
    State.COMMITTING: State.COMMITTED,
    State.RETURNING: State.RESTOCKED,
}
UNFINISHED = (State.RESERVING, State.RELEASING, State.COMMITTING, State.RESTOCKING, State.RETURNING)
SETTLED = (State.RELEASED, State.COMMITTED, State.RESTOCKED)
RELEASABLE = (State.RESERVING, State.HELD, State.PINNED)
COMMITTABLE = (State.HELD, State.PINNED)
# A reserve that comes again is answered as the first was, for as long as the units are the order's.
_ANSWERED_AS_HELD = (State.HELD, State.PINNED, State.COMMITTING, State.COMMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationLine:
    """Units of one product. `hold_id` is the hold that stands for them, None until that is known.

    Holds that were made before holds had ids have none, and are known by that.
    """

    product_id: ProductId
    quantity: int
    hold_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedItem(ReservationLine):
    """A line with what the product was called and cost when it was reserved."""

    name: str
    sku: str
    price_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Units of a product that are held for an order; `restored` where they had been sold before."""

    order_id: OrderId
    product_id: ProductId
    quantity: int
    id: str | None
    restored: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Not enough of a product: the reason why a reservation was refused."""

    product_id: ProductId
    requested: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownProducts:
    """Products that do not exist or are no longer sold."""

    product_ids: tuple[ProductId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyHolds:
    """A product is held for as many orders at once as it may be, though there are units left."""

    product_id: ProductId


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The hold was released before, or has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    items: tuple[ReservedItem, ...]
    expires_at: datetime


Refusal = Shortage | UnknownProducts | TooManyHolds
Outcome = Held | Refusal | Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A reservation as stored. A tombstone has neither lines nor `expires_at`.

    `attempt` names the one run that may add holds, until `lease_until`; None where no run may.
    """

    order_id: OrderId
    state: State
    lines: tuple[ReservationLine, ...]
    expires_at: datetime | None = None
    held_at: datetime | None = None
    expired: bool = False
    refusal: Refusal | None = None
    attempt: str | None = None
    lease_until: datetime | None = None

    def leased(self, attempt: str, *, at: datetime) -> "Reservation":
        """The reservation with the lease of `attempt`, which begins at `at`."""
        return replace(self, attempt=attempt, lease_until=at + LEASE)

    def lease_is_over(self, *, at: datetime) -> bool:
        return self.lease_until is None or self.lease_until <= at

    @property
    def items(self) -> tuple[ReservedItem, ...]:
        return tuple(line for line in self.lines if isinstance(line, ReservedItem))

    def outcome(self) -> Outcome | None:
        """What a reserve of this order is answered; None while that is open."""
        if self.state is State.RESERVING:
            return None
        if self.state in _ANSWERED_AS_HELD and self.expires_at is not None:
            return Held(items=self.items, expires_at=self.expires_at)
        return self.refusal or Gone()


def merge_lines(lines: Iterable[ReservationLine]) -> tuple[ReservationLine, ...]:
    """One line per product, in order of product id: the order in which units are held.

    Raises ValidationFailed for no line, too many, an empty or over-long product id, or a quantity outside
    of 1..10^9, merged or single.
    """
    merged: dict[ProductId, int] = {}
    for line in lines:
        if not 1 <= len(line.product_id) <= MAX_PRODUCT_ID:
            raise ValidationFailed(
                f"a product id has 1 to {MAX_PRODUCT_ID} characters", field="lines.product_id"
            )
        if line.quantity < 1:
            raise ValidationFailed("a line needs a quantity of 1 or more", field="lines.quantity")
        merged[line.product_id] = merged.get(line.product_id, 0) + line.quantity
    if not 1 <= len(merged) <= MAX_LINES:
        raise ValidationFailed(
            f"a reservation takes 1 to {MAX_LINES} products, not {len(merged)}", field="lines"
        )
    if max(merged.values()) > MAX_STOCK:
        raise ValidationFailed(f"a quantity may be at most {MAX_STOCK}", field="lines.quantity")
    return tuple(ReservationLine(product_id=p, quantity=merged[p]) for p in sorted(merged))


def check_order_id(value: str) -> OrderId:
    if not 1 <= len(value) <= MAX_ORDER_ID:
        raise ValidationFailed(f"an order id has 1 to {MAX_ORDER_ID} characters", field="order_id")
    return OrderId(value)

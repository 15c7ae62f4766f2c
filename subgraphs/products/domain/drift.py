"""Drift: where the stock of products and the reservations of orders do not agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import Hold, OrderId, Reservation, ReservationLine


class DriftKind(StrEnum):
    UNITS = "units"
    STRAY_HOLD = "stray hold"
    MISSING_HOLD = "missing hold"
    LONG_PINNED = "pinned for long"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One disagreement. `repaired` is None where nobody tried."""

    kind: DriftKind
    message: str
    product_id: ProductId | None = None
    order_id: OrderId | None = None
    repaired: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductUnits:
    """The units of one product, as one look has found them. `on_hand` is what all recorded movements come to."""

    product_id: ProductId
    sku: str
    available: int
    on_hand: int
    holds: tuple[Hold, ...]

    @property
    def held(self) -> int:
        return sum(hold.quantity for hold in self.holds)

    @property
    def missing(self) -> int:
        """By how much the units that are there fall short of those that are recorded; negative for too many."""
        return self.on_hand - self.available - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStock:
    """What is held of all products. Of an `oversold` product some units could be sold twice."""

    holds: int
    units: int
    oversold: int


def counted_hold(reservation: Reservation, line: ReservationLine, holds: Iterable[Hold]) -> bool:
    """Whether the hold that `line` of a reservation that holds names is among `holds`."""
    return any(
        (hold.order_id, hold.id, hold.quantity, hold.restored)
        == (reservation.order_id, line.hold_id, line.quantity, False)
        for hold in holds
    )

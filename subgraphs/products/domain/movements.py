"""Movements of stock: what changed the units of a product, who did it and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from subgraphs.kit.ids import new_id
from subgraphs.products.domain.reservations import OrderId


class MovementKind(Enum):
    CREATED = "CREATED"
    ADJUSTED = "ADJUSTED"
    EDITED = "EDITED"
    RESERVED = "RESERVED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    COMMITTED = "COMMITTED"
    RETURNED = "RETURNED"
    RESTOCKED = "RESTOCKED"
    RECONCILED = "RECONCILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One write's change of a product: of its available units by `delta`, of those held for orders by `held_delta`.

    `actor` is the account that did it, None where an order or the service did.
    """

    id: str
    kind: MovementKind
    at: datetime
    delta: int = 0
    held_delta: int = 0
    order_id: OrderId | None = None
    actor: str | None = None
    reason: str | None = None

    @property
    def on_hand_delta(self) -> int:
        return self.delta + self.held_delta

    @classmethod
    def by_hand(
        cls, kind: MovementKind, delta: int, *, at: datetime, actor: str | None, reason: str | None = None
    ) -> "Movement":
        return cls(id=new_id(), kind=kind, at=at, delta=delta, actor=actor, reason=reason)

    @classmethod
    def of_order(
        cls,
        kind: MovementKind,
        order_id: OrderId,
        *,
        at: datetime,
        delta: int = 0,
        held_delta: int = 0,
        reason: str | None = None,
    ) -> "Movement":
        return cls(
            id=new_id(),
            kind=kind,
            at=at,
            delta=delta,
            held_delta=held_delta,
            order_id=order_id,
            reason=reason,
        )

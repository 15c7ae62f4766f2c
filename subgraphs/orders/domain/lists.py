"""Which orders a list shows, and which page of it."""

from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.pagination import decode_id_cursor, page_size
from subgraphs.orders.domain.ids import OrderId, UserId
from subgraphs.orders.domain.transitions import OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """None leaves a criterion out. `created_to` is exclusive."""

    user_id: UserId | None = None
    statuses: tuple[OrderStatus, ...] | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """`size` orders of a list, newest first, older than `before`."""

    size: int
    before: OrderId | None

    @classmethod
    def parse(cls, *, first: int | None, after: str | None) -> "OrderPage":
        """The page that a client asks for. Raises ValidationFailed for a size or cursor that is none."""
        before = decode_id_cursor(after)
        return cls(size=page_size(first), before=None if before is None else OrderId(before))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOrders:
    """One page of one user's orders. Equal pages of several users are one query."""

    user_id: UserId
    where: OrderFilter
    page: OrderPage

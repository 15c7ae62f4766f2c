"""Who may see which order, and finding it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, NotFound, ValidationFailed
from subgraphs.kit.pagination import Page
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain import MANAGE_ORDERS, TERMINAL, Order, OrderEvent, OrderId, UserId
from subgraphs.orders.store import Filter, OrderStore


def may_see(viewer: Viewer, order: Order) -> bool:
    return viewer.user_id == order.user_id or viewer.may(MANAGE_ORDERS)


async def visible(store: OrderStore, viewer: Viewer, order_id: str) -> Order:
    """The order for those who may see it. Raises NotFound for everybody else, as if there were none."""
    order = await store.get(order_id)
    if order is None or not may_see(viewer, order):
        raise NotFound("There is no such order.")
    return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    postgres: Postgres

    async def order(self, viewer: Viewer, order_id: str) -> Order | None:
        """The order, for its owner and MANAGE_ORDERS; None for everybody else, as if there were none."""
        async with self.postgres.read() as connection:
            order = await OrderStore(connection).get(order_id)
        return order if order is not None and may_see(viewer, order) else None

    async def to_follow(self, viewer: Viewer, order_id: str, *, after_seq: int) -> Order | None:
        """The order whose events after `after_seq` are to be followed; None where it has ended with that one.

        Raises Unauthenticated, NotFound, and ValidationFailed for an event that has not happened: who
        waits for what comes after it would miss what comes before.
        """
        viewer.require_user()
        async with self.postgres.read() as connection:
            order = await visible(OrderStore(connection), viewer, order_id)
        if not 0 <= after_seq <= order.last_seq:
            raise ValidationFailed(
                f"`afterSeq` is between 0 and the order's last event, {order.last_seq}.", field="afterSeq"
            )
        return None if order.status in TERMINAL and after_seq == order.last_seq else order

    async def events(self, order_id: OrderId, *, after_seq: int) -> list[OrderEvent]:
        async with self.postgres.read() as connection:
            return (await OrderStore(connection).events_of([order_id], after_seq=after_seq))[0]

    async def orders(
        self, viewer: Viewer, *, where: Filter, first: int, after: OrderId | None
    ) -> Page[Order]:
        """One page of the viewer's own orders, or of all with MANAGE_ORDERS, newest first.

        Raises Unauthenticated, and Forbidden for a filter by somebody else.
        """
        own = UserId(viewer.require_user())
        if not viewer.may(MANAGE_ORDERS):
            if where.user_id not in {None, own}:
                raise Forbidden(f"Orders of other people need the permission {MANAGE_ORDERS}.")
            where = replace(where, user_id=own)
        async with self.postgres.read() as connection:
            rows = await OrderStore(connection).list_newest(where, limit=first + 1, before=after)
        return page_of(rows, first=first, after=after, total=lambda: self.count(where))

    async def count(self, where: Filter) -> int:
        async with self.postgres.read() as connection:
            return await OrderStore(connection).count(where)


def page_of(
    rows: Sequence[Order], *, first: int, after: OrderId | None, total: Callable[[], Awaitable[int]]
) -> Page[Order]:
    """The page that `rows`, read with one row more than `first`, are."""
    return Page(
        rows=[(order, (order.id,)) for order in rows[:first]],
        has_next=len(rows) > first,
        has_previous=after is not None,
        total=total,
    )

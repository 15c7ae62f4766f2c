"""Reading orders: one, a list, or what belongs to many at once."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, ValidationFailed
from subgraphs.kit.ids import is_id
from subgraphs.kit.pagination import Page
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.ids import OrderId, ProductId, UserId
from subgraphs.orders.domain.items import OrderItem
from subgraphs.orders.domain.lists import OrderFilter, OrderPage, UserOrders
from subgraphs.orders.domain.orders import Order, OrderEvent, OrderState
from subgraphs.orders.domain.payments import Payment
from subgraphs.orders.domain.permissions import Permission, may_see
from subgraphs.orders.domain.transitions import TERMINAL, OrderStatus
from subgraphs.orders.live.states import OrderStates
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.order_lists import OrderLists
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore
from subgraphs.orders.store.units_sold import UnitsSoldStore

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What takes a viewer checks what that one may see; what takes many keys is for loaders, below such a check."""

    postgres: Postgres
    states: OrderStates | None = None

    async def state(self, viewer: Viewer, order_id: str) -> OrderState | None:
        """How far an order has come, for those who may see it; None for everybody else, as if there were none.

        Out of `states`, where they have it: without a read of the database.
        """
        if viewer.user_id is None or not is_id(order_id):
            return None
        state = await self.states.get(OrderId(order_id)) if self.states else None
        if state is None:
            async with self.postgres.read() as connection:
                order = await OrderStore(connection).get(order_id)
            if order is None:
                return None
            state = OrderState.of(order)
            if self.states:
                await self.states.put(state)
        return state if may_see(viewer, state) else None

    async def order(self, viewer: Viewer, order_id: str) -> Order | None:
        """The order, for its owner and MANAGE_ORDERS; None for everybody else, as if there were none."""
        return (await self.visible(viewer, [OrderId(order_id)]))[0]

    async def visible(self, viewer: Viewer, order_ids: Sequence[OrderId]) -> list[Order | None]:
        """The same for many orders, in one query."""
        async with self.postgres.read() as connection:
            found = await OrderStore(connection).get_many(order_ids)
        return [order if order is not None and may_see(viewer, order) else None for order in found]

    async def to_follow(self, viewer: Viewer, order_id: str, *, after_seq: int) -> Order | None:
        """The order whose events after `after_seq` are to be followed; None where it has ended with that one.

        Raises Unauthenticated, NotFound, and ValidationFailed for an event that has not happened: who
        waits for what comes after it would miss what comes before.
        """
        viewer.require_user()
        async with self.postgres.read() as connection:
            order = await visible_order(OrderStore(connection), viewer, order_id)
        if not 0 <= after_seq <= order.last_seq:
            raise ValidationFailed(
                f"`afterSeq` is between 0 and the order's last event, {order.last_seq}.", field="afterSeq"
            )
        return None if order.status in TERMINAL and after_seq == order.last_seq else order

    async def events(self, order_id: OrderId, *, after_seq: int) -> list[OrderEvent]:
        async with self.postgres.read() as connection:
            return (await OrderStore(connection).events_of([order_id], after_seq=after_seq))[0]

    async def page(
        self, viewer: Viewer, *, where: OrderFilter, first: int | None, after: str | None
    ) -> Page[Order]:
        """One page of the viewer's own orders, or of all with MANAGE_ORDERS, newest first.

        Raises Unauthenticated, Forbidden for a filter by somebody else, and ValidationFailed for a page
        size or a cursor that is none.
        """
        own = UserId(viewer.require_user())
        page = OrderPage.parse(first=first, after=after)
        if not viewer.may(Permission.MANAGE_ORDERS):
            if where.user_id not in {None, own}:
                raise Forbidden(f"Orders of other people need the permission {Permission.MANAGE_ORDERS}.")
            where = replace(where, user_id=own)

        async def count() -> int:
            async with self.postgres.read() as connection:
                return await OrderLists(connection).count(where)

        async with self.postgres.read() as connection:
            rows = await OrderLists(connection).newest(where, page)
        return page_of(rows, page, total=count)

    def user_orders(
        self,
        viewer: Viewer,
        user_id: str,
        *,
        status: OrderStatus | None,
        first: int | None,
        after: str | None,
    ) -> UserOrders:
        """The page of somebody's orders that a viewer asks for, checked; `user_pages` reads it.

        Raises Unauthenticated, Forbidden for somebody else without MANAGE_ORDERS, and ValidationFailed for a
        page size or a cursor that is none.
        """
        if viewer.user_id != user_id:
            viewer.require(Permission.MANAGE_ORDERS)
        where = OrderFilter(statuses=None if status is None else (status,))
        page = OrderPage.parse(first=first, after=after)
        return UserOrders(user_id=UserId(user_id), where=where, page=page)

    async def user_pages(self, asked: Sequence[UserOrders]) -> list[list[Order]]:
        """The rows of each page of `asked` and the one after them; one query for all users with the same page."""
        found: dict[UserOrders, list[Order]] = {}
        async with self.postgres.read() as connection:
            for (where, page), group in _grouped(asked, lambda one: (one.where, one.page)):
                users = [one.user_id for one in group]
                rows = await OrderLists(connection).newest_of_users(users, where, page)
                found.update(zip(group, rows, strict=True))
        return [found[one] for one in asked]

    async def user_counts(self, asked: Sequence[UserOrders]) -> list[int]:
        """How many orders the list of each of `asked` has; one query for all users with the same filter."""
        found: dict[UserOrders, int] = {}
        async with self.postgres.read() as connection:
            for where, group in _grouped(asked, lambda one: one.where):
                counts = await OrderLists(connection).count_of_users([one.user_id for one in group], where)
                found.update(zip(group, counts, strict=True))
        return [found[one] for one in asked]

    async def items_of(self, order_ids: Sequence[OrderId]) -> list[list[OrderItem]]:
        async with self.postgres.read() as connection:
            return await OrderStore(connection).items_of(order_ids)

    async def events_of(self, order_ids: Sequence[OrderId]) -> list[list[OrderEvent]]:
        async with self.postgres.read() as connection:
            return await OrderStore(connection).events_of(order_ids)

    async def payments_of(self, order_ids: Sequence[OrderId]) -> list[Payment | None]:
        """The last attempt to pay each order."""
        async with self.postgres.read() as connection:
            return await PaymentStore(connection).latest_of(order_ids)

    async def units_sold(self, product_ids: Sequence[ProductId]) -> list[int]:
        async with self.postgres.read() as connection:
            return await UnitsSoldStore(connection).of_products(product_ids)


def page_of(rows: Sequence[Order], page: OrderPage, *, total: Callable[[], Awaitable[int]]) -> Page[Order]:
    """`rows`, read with one row more than the page has, as the page that they are."""
    return Page(
        rows=[(order, (order.id,)) for order in rows[: page.size]],
        has_next=len(rows) > page.size,
        has_previous=page.before is not None,
        total=total,
    )


def _grouped(
    asked: Iterable[UserOrders], group_of: Callable[[UserOrders], Group]
) -> Iterable[tuple[Group, Sequence[UserOrders]]]:
    groups: defaultdict[Group, list[UserOrders]] = defaultdict(list)
    for one in asked:
        groups[group_of(one)].append(one)
    return groups.items()

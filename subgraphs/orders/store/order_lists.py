"""Lists and counts of many orders."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, false, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id
from subgraphs.orders.domain.ids import UserId
from subgraphs.orders.domain.lists import OrderFilter, OrderPage
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.store.keys import any_of, known_ids
from subgraphs.orders.store.rows import ORDER_COLUMNS, to_order
from subgraphs.orders.store.tables import orders


class OrderLists:
    """A list is read with one row more than its page has, which tells whether more follow."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def newest(self, where: OrderFilter, page: OrderPage) -> list[Order]:
        """The orders of one page, newest first, and the one after them."""
        query = _newest(select(*ORDER_COLUMNS).where(*_criteria(where)), page)
        return [to_order(row) for row in await self._connection.execute(query)]

    async def newest_of_users(
        self, user_ids: Sequence[UserId], where: OrderFilter, page: OrderPage
    ) -> list[list[Order]]:
        """The same for each of `user_ids`, in one query."""
        users = func.unnest(bindparam("users", type_=ARRAY(Text()))).table_valued("user_id").render_derived()
        own = select(*ORDER_COLUMNS).where(orders.c.user_id == users.c.user_id, *_criteria(where))
        each = _newest(own, page).lateral("page")
        query = select(each).select_from(users.join(each, true())).order_by(each.c.id.desc())
        found: defaultdict[str, list[Order]] = defaultdict(list)
        for row in await self._connection.execute(query, {"users": known_ids(user_ids)}):
            found[row.user_id].append(to_order(row))
        return [found[u] for u in user_ids]

    async def count(self, where: OrderFilter) -> int:
        query = select(func.count()).select_from(orders).where(*_criteria(where))
        return int((await self._connection.execute(query)).scalar_one())

    async def count_of_users(self, user_ids: Sequence[UserId], where: OrderFilter) -> list[int]:
        """The number of orders of each of `user_ids`, in one query."""
        query = (
            select(orders.c.user_id, func.count())
            .where(orders.c.user_id == any_of("users"), *_criteria(where))
            .group_by(orders.c.user_id)
        )
        rows = (await self._connection.execute(query, {"users": known_ids(user_ids)})).all()
        counts: dict[str, int] = {user: int(count) for user, count in rows}
        return [counts.get(u, 0) for u in user_ids]


def _criteria(where: OrderFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.user_id is not None:
        found.append(orders.c.user_id == where.user_id if is_id(where.user_id) else false())
    if where.statuses is not None:
        found.append(orders.c.status.in_([s.value for s in where.statuses]))
    if where.created_from is not None:
        found.append(orders.c.created_at >= where.created_from)
    if where.created_to is not None:
        found.append(orders.c.created_at < where.created_to)
    return found


def _newest(query: Select[Any], page: OrderPage) -> Select[Any]:
    if page.before is not None:
        query = query.where(orders.c.id < page.before)
    return query.order_by(orders.c.id.desc()).limit(page.size + 1)

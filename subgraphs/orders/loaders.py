"""Per-request loaders: what many resolvers ask for one by one, the store answers at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from strawberry.dataloader import DataLoader

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain import Item, Order, OrderEvent, OrderId, Payment, ProductId, UserId
from subgraphs.orders.payment_store import PaymentStore
from subgraphs.orders.store import Filter, OrderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """One page of one user's orders; equal pages of several users are one query."""

    user_id: UserId
    where: Filter
    limit: int
    before: OrderId | None


class Loaders:
    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self.items: DataLoader[OrderId, list[Item]] = DataLoader(self._items)
        self.events: DataLoader[OrderId, list[OrderEvent]] = DataLoader(self._events)
        self.payments: DataLoader[OrderId, Payment | None] = DataLoader(self._payments)
        self.orders: DataLoader[OrderId, Order | None] = DataLoader(self._orders)
        self.units_sold: DataLoader[ProductId, int] = DataLoader(self._units_sold)
        self.user_pages: DataLoader[UserPage, list[Order]] = DataLoader(self._user_pages)

    async def _items(self, keys: list[OrderId]) -> list[list[Item]]:
        async with self._postgres.read() as connection:
            return await OrderStore(connection).items_of(keys)

    async def _events(self, keys: list[OrderId]) -> list[list[OrderEvent]]:
        async with self._postgres.read() as connection:
            return await OrderStore(connection).events_of(keys)

    async def _payments(self, keys: list[OrderId]) -> list[Payment | None]:
        async with self._postgres.read() as connection:
            return await PaymentStore(connection).latest_of(keys)

    async def _orders(self, keys: list[OrderId]) -> list[Order | None]:
        async with self._postgres.read() as connection:
            return await OrderStore(connection).get_many(keys)

    async def _units_sold(self, keys: list[ProductId]) -> list[int]:
        async with self._postgres.read() as connection:
            return await OrderStore(connection).units_sold(keys)

    async def _user_pages(self, keys: list[UserPage]) -> list[list[Order]]:
        groups: defaultdict[tuple[object, ...], list[UserPage]] = defaultdict(list)
        for key in keys:
            groups[(_frozen(key.where), key.limit, key.before)].append(key)
        found: dict[UserPage, list[Order]] = {}
        async with self._postgres.read() as connection:
            store = OrderStore(connection)
            for group in groups.values():
                one = group[0]
                users = [key.user_id for key in group]
                pages = await store.list_by_users(users, one.where, limit=one.limit, before=one.before)
                found.update(zip(group, pages, strict=True))
        return [found[key] for key in keys]


def _frozen(where: Filter) -> tuple[object, ...]:
    statuses: Sequence[object] = where.statuses or ()
    return (*statuses, where.created_from, where.created_to)

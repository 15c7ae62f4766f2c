"""Which step an order needs next, and taking one after the other."""

from collections.abc import Callable
from datetime import datetime

from subgraphs.kit.errors import NotFound, Unavailable
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain import Action, Order, OrderId, OrderStatus
from subgraphs.orders.errors import StaleOrder
from subgraphs.orders.inventory import Inventory
from subgraphs.orders.provider import PaymentProvider
from subgraphs.orders.store import OrderStore
from subgraphs.orders.workflow.collecting import Collecting
from subgraphs.orders.workflow.holding import Holding
from subgraphs.orders.workflow.moves import Moves
from subgraphs.orders.workflow.undoing import Undoing

_ATTEMPTS_AGAINST_OTHER_WRITERS = 20


class Workflow:
    """`clock` is the present in UTC; `committed` is called after each commit, for the outbox."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        inventory: Inventory,
        provider: PaymentProvider,
        clock: Callable[[], datetime],
        committed: Callable[[], None],
    ) -> None:
        self.postgres = postgres
        self.clock = clock
        self.committed = committed
        self._moves = Moves(postgres=postgres, clock=clock, committed=committed)
        self._holding = Holding(moves=self._moves, inventory=inventory)
        self._collecting = Collecting(moves=self._moves, inventory=inventory, provider=provider)
        self._undoing = Undoing(moves=self._moves, inventory=inventory, provider=provider)

    async def advance(self, order_id: OrderId) -> Order:
        """Take `order_id` as far as it goes without anybody's wish, and return it.

        Raises Unavailable where a step needs a service that cannot be reached; the order stays where it
        is and the worker comes back to it.
        """
        for _ in range(_ATTEMPTS_AGAINST_OTHER_WRITERS):
            order = await self._load(order_id)
            try:
                if not await self._step(order):
                    return order
            except StaleOrder:
                continue
        raise Unavailable("The order is changed by many at once; try again.")

    async def _step(self, order: Order) -> bool:
        """Run the step of the order's state; False where it has none."""
        match order.status:
            case OrderStatus.AWAITING_PAYMENT | OrderStatus.PAID if order.cancel_wish is not None:
                wish = order.cancel_wish
                await self._moves.take(order, Action.CANCEL, leased=True, actor=wish.actor, note=wish.reason)
            case OrderStatus.PENDING_STOCK | OrderStatus.AWAITING_PAYMENT if order.expires_at <= self.clock():
                await self._moves.take(order, Action.EXPIRE, leased=True, note="not paid in time")
            case OrderStatus.PENDING_STOCK:
                await self._holding.hold(order)
            case OrderStatus.PAYING:
                await self._collecting.collect(order)
            case OrderStatus.CANCELLING:
                await self._undoing.undo(order)
            case OrderStatus.EXPIRED | OrderStatus.REJECTED if order.resume_at is not None:
                await self._holding.give_back(order)
            case _:
                return False
        return True

    async def _load(self, order_id: OrderId) -> Order:
        async with self.postgres.read() as connection:
            order = await OrderStore(connection).get(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        return order

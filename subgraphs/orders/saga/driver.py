"""Which step an order needs next, and running one after the other."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.errors import NotFound, Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.items import OrderItem
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import OPEN, Payment, PaymentStatus
from subgraphs.orders.domain.refunds import Refund
from subgraphs.orders.domain.shipping import ShippingRates
from subgraphs.orders.domain.transitions import SOLD, Action, OrderStatus
from subgraphs.orders.metrics import SAGA_STEPS
from subgraphs.orders.payments.provider import PaymentProvider
from subgraphs.orders.ports.inventory import Inventory
from subgraphs.orders.saga.captures import Captures, LateCaptures
from subgraphs.orders.saga.compensation import Compensation
from subgraphs.orders.saga.payment import PaymentStep
from subgraphs.orders.saga.refunds import RefundStep
from subgraphs.orders.saga.stock import StockStep
from subgraphs.orders.saga.transitions import Transitions
from subgraphs.orders.store.orders import OrderStore

log = get_logger(__name__)

_MOST_STEPS = 20
"""An order takes six at most; the rest are for those that another writer makes start over."""


_PATIENCE = 4.0
_WHOLE = 8.0


def patience(began: float) -> float:
    """Seconds that a request which began then, by the loop's clock, waits for the steps behind its commit.

    Together with what it took until now they are less than an operation may take: one that is ended has no answer,
    and a client without one tries again.
    """
    return min(_PATIENCE, began + _WHOLE - asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order came. `error` is what stopped it short; then the resume job comes back to it."""

    order: Order
    error: Exception | None = None


class Saga:
    """`clock` is the present in UTC; `provider` is None where nothing can be paid.

    `wake_up` is called after each commit, for the outbox, `refund_due` when there is a refund for `refund`.
    """

    def __init__(
        self,
        *,
        postgres: Postgres,
        inventory: Inventory,
        provider: PaymentProvider | None,
        rates: ShippingRates,
        clock: Callable[[], datetime],
        wake_up: Callable[[], None],
        refund_due: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._clock = clock
        self._transitions = transitions = Transitions(postgres=postgres, clock=clock, wake_up=wake_up)
        self._stock = StockStep(postgres=postgres, transitions=transitions, inventory=inventory, rates=rates)
        captures = Captures(postgres=postgres, clock=clock, wake_up=refund_due)
        self._payment = PaymentStep(
            postgres=postgres,
            clock=clock,
            transitions=transitions,
            inventory=inventory,
            provider=provider,
            captures=captures,
        )
        self._late_captures = LateCaptures(provider=provider, captures=captures)
        self._refunds = RefundStep(
            postgres=postgres,
            clock=clock,
            transitions=transitions,
            inventory=inventory,
            provider=provider,
        )
        self._compensation = Compensation(
            postgres=postgres, transitions=transitions, inventory=inventory, refunds=self._refunds
        )

    async def advance(
        self, order: Order, *, items: Sequence[OrderItem] | None = None, within: float | None = None
    ) -> Progress:
        """Take `order` as far as it goes by itself, for at most `within` seconds where somebody waits for it.

        `items` are its items, where the caller has them. Whatever fails on the way is logged and comes back
        with the order as it is then: a state that is committed stands, and an error in its place would invite
        a client to order or to pay once more.
        """
        until = None if within is None else asyncio.get_running_loop().time() + within
        for _ in range(_MOST_STEPS):
            try:
                async with asyncio.timeout_at(until):
                    following = await self._next(order, items)
            except Exception as error:  # noqa: BLE001 - the resume job tries again, whatever it was
                _report(order, error)
                return Progress(order, error)
            if following is None:
                return Progress(order)
            order = following
        return Progress(order, Unavailable("The order is changed by many at once; try again."))

    async def resume(self, order_id: OrderId) -> Progress:
        """The same for an order whose present state is not known here."""
        return await self.advance(await self._load(order_id))

    async def reconcile(self, payment: Payment) -> None:
        """Find out what became of an attempt, and act on it. Raises Unavailable.

        One that is open is its order's to finish; of one that was written off the money is to come back.
        """
        if payment.status in OPEN:
            await self.resume(payment.order_id)
        elif payment.status is PaymentStatus.DECLINED:
            await self._late_captures.find(payment)

    async def refund(self, refund: Refund) -> None:
        """Make a refund that no order waits for. Raises Unavailable."""
        await self._refunds.make(refund)

    async def _next(self, order: Order, items: Sequence[OrderItem] | None) -> Order | None:
        """The order after its next step, or as another writer has left it; None where nothing is left to do."""
        try:
            following = await self._step(order, items)
        except StaleOrder:
            _count(order, "overtaken")
            return await self._load(order.id)
        if following is not None:
            _count(order, "done")
        return following

    async def _step(self, order: Order, items: Sequence[OrderItem] | None) -> Order | None:
        """Run the step of the order's state; None where it has none."""
        match order.status:
            case OrderStatus.AWAITING_PAYMENT | OrderStatus.PAID if order.cancellation_request is not None:
                request = order.cancellation_request
                step = self._transitions.apply(
                    order, Action.CANCEL, leased=True, actor=request.actor, note=request.reason
                )
            case OrderStatus.PENDING_STOCK | OrderStatus.AWAITING_PAYMENT if (
                order.expires_at <= self._clock()
            ):
                step = self._transitions.apply(order, Action.EXPIRE, leased=True, note="not paid in time")
            case OrderStatus.PENDING_STOCK:
                step = self._stock.hold(order, items)
            case OrderStatus.PAYING:
                step = self._payment.collect(order)
            case OrderStatus.CANCELLING:
                step = self._compensation.run(order)
            case status if status in SOLD and order.resume_at is not None:
                step = self._refunds.run(order)
            case OrderStatus.EXPIRED | OrderStatus.REJECTED if order.resume_at is not None:
                step = self._stock.release(order)
            case _:
                return None
        return await step

    async def _load(self, order_id: OrderId) -> Order:
        async with self._postgres.read() as connection:
            order = await OrderStore(connection).get(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        return order


def _count(order: Order, outcome: str) -> None:
    SAGA_STEPS.labels(order.status.value, outcome).inc()


def _report(order: Order, error: Exception) -> None:
    if isinstance(error, Unavailable):
        _count(order, "waits")
        log.info("order_waits", order_id=order.id, status=order.status.value, reason=error.message)
    elif is_outage(error):
        _count(order, "interrupted")
        log.warning("order_interrupted", order_id=order.id, status=order.status.value, error=repr(error))
    else:
        _count(order, "failed")
        log.error("order_stuck", order_id=order.id, status=order.status.value, exc_info=error)

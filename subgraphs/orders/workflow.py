"""Carries an order forward: the step that each passing state needs, whoever's process finds it there.

A step is safe to run again and safe to run twice at once: each call that leaves is keyed, and each
state is entered by compare-and-set. So a request runs the steps inline, and the worker runs the same
steps for orders whose process was lost (`consistency.md` calls this the saga).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.errors import NotFound, Unavailable, ValidationFailed
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres import Postgres
from subgraphs.orders.domain import (
    Action,
    Item,
    Line,
    Order,
    OrderId,
    OrderStatus,
    Payment,
    PaymentStatus,
    Rejection,
    RejectionKind,
    total_of,
)
from subgraphs.orders.errors import StaleOrder
from subgraphs.orders.inventory import Gone, Held, HoldState, Inventory, Shortage, Snapshot, UnknownProducts
from subgraphs.orders.payment_store import PaymentStore
from subgraphs.orders.provider import Captured, Declined, Outcome, OutcomeUnknown, PaymentProvider
from subgraphs.orders.store import OrderStore

log = get_logger(__name__)

LEASE = timedelta(seconds=10)
"""How long a step under way is left alone before the worker takes it for lost."""

# The order expires first; the hold follows by itself should the order's side be down.
_HOLD_GRACE = timedelta(minutes=5)
_ATTEMPTS_AGAINST_OTHER_WRITERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    postgres: Postgres
    inventory: Inventory
    provider: PaymentProvider
    clock: Callable[[], datetime]
    committed: Callable[[], None]
    """Called after each commit, so that the outbox is emptied at once."""

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
            case OrderStatus.PENDING_STOCK:
                await self._hold(order)
            case OrderStatus.AWAITING_PAYMENT if order.expires_at <= self.clock():
                await self.inventory.release(order.id)
                await self._transition(order, Action.EXPIRE, note="not paid in time")
            case OrderStatus.PAYING:
                await self._collect(order)
            case OrderStatus.CANCELLING:
                await self._undo(order)
            case OrderStatus.PAID | OrderStatus.AWAITING_PAYMENT if order.cancel_requested:
                await self._transition(order, Action.CANCEL, leased=True, note="cancelled while being paid")
            case _:
                return False
        return True

    # -- stock ---------------------------------------------------------------------------------------

    async def _hold(self, order: Order) -> None:
        async with self.postgres.read() as connection:
            items = (await OrderStore(connection).items_of([order.id]))[0]
        lines = [Line(item.product_id, item.quantity) for item in items]
        reply = await self.inventory.reserve(order.id, lines, expires_at=order.expires_at + _HOLD_GRACE)
        match reply:
            case Held(snapshots):
                await self._held(order, items, snapshots)
            case Shortage(product_id=product_id, requested=requested, available=available):
                message = f"Only {available} of {requested} units are available."
                await self._reject(
                    order,
                    Rejection(
                        kind=RejectionKind.SHORTAGE,
                        message=message,
                        product_id=product_id,
                        requested=requested,
                        available=available,
                    ),
                )
            case UnknownProducts(product_ids):
                message = f"There is no product {', '.join(product_ids)}."
                await self._reject(order, Rejection(kind=RejectionKind.UNKNOWN_PRODUCT, message=message))
            case Gone():
                await self._transition(order, Action.EXPIRE, note="the hold was lost")

    async def _held(self, order: Order, items: Sequence[Item], snapshots: Sequence[Snapshot]) -> None:
        by_product = {s.product_id: s for s in snapshots}
        priced = [
            replace(i, name=s.name, sku=s.sku, price=s.price)
            for i in items
            for s in [by_product[i.product_id]]
        ]
        try:
            total = total_of(priced)
        except ValidationFailed:
            await self.inventory.release(order.id)
            message = "The products are priced in different currencies."
            await self._reject(order, Rejection(kind=RejectionKind.MIXED_CURRENCIES, message=message))
            return
        async with self.postgres.unit_of_work() as connection:
            store = OrderStore(connection)
            await store.transition(
                order,
                Action.HOLD,
                now=self.clock(),
                resume_at=order.expires_at,
                currency=total.currency,
                subtotal_minor=total.minor,
                total_minor=total.minor,
            )
            await store.snapshot_items(priced)
        self.committed()

    async def _reject(self, order: Order, rejection: Rejection) -> None:
        await self._transition(order, Action.REJECT, note=rejection.message, rejection=asdict(rejection))

    # -- money ---------------------------------------------------------------------------------------

    async def _collect(self, order: Order) -> None:
        """Pin the hold, capture, commit the hold, PAID. After the capture there is only forward."""
        payment = await self.payment_of(order.id)
        if payment is None:
            raise RuntimeError(f"order {order.id} is being paid without an attempt")
        if payment.status is not PaymentStatus.CAPTURED:
            if await self.inventory.pin(order.id) not in {HoldState.PINNED, HoldState.COMMITTED}:
                await self._lose(order, payment)
                return
            match await self._capture(payment):
                case Declined(reason):
                    await self._declined(order, payment, reason)
                    return
                case Captured(transaction_id):
                    async with self.postgres.unit_of_work() as connection:
                        await PaymentStore(connection).captured(
                            payment.attempt_id, transaction_id=transaction_id, at=self.clock()
                        )
        if await self.inventory.commit(order.id) is not HoldState.COMMITTED:
            # A pinned hold does not expire, so this takes a hand in the other store. The customer has
            # paid: the order goes on, and people must find the units.
            log.error("paid_without_hold", order_id=order.id)
        await self._transition(order, Action.CAPTURE, leased=order.cancel_requested)

    async def _capture(self, payment: Payment) -> Outcome:
        """The outcome of the attempt under its one key, asked for again where the first answer is lost."""
        try:
            return await self.provider.capture(payment.attempt_id, amount=payment.amount, token=payment.token)
        except OutcomeUnknown:
            log.warning("payment_outcome_unknown", attempt_id=payment.attempt_id)
        try:
            known = await self.provider.lookup(payment.attempt_id)
            if known is not None:
                return known
            return await self.provider.capture(payment.attempt_id, amount=payment.amount, token=payment.token)
        except OutcomeUnknown as error:
            async with self.postgres.unit_of_work() as connection:
                await PaymentStore(connection).unknown(payment.attempt_id)
            raise Unavailable(
                "The payment's outcome is not known yet; the order shows it as soon as it is."
            ) from error

    async def _lose(self, order: Order, payment: Payment) -> None:
        async def also(connection: AsyncConnection) -> None:
            await PaymentStore(connection).declined(payment.attempt_id, reason="hold_lost")

        await self._transition(order, Action.EXPIRE, note="the hold was lost before the payment", also=also)

    async def _declined(self, order: Order, payment: Payment, reason: str) -> None:
        # The window is what it was: a declined card does not hold stock for longer.
        await self.inventory.unpin(order.id, expires_at=order.expires_at + _HOLD_GRACE)

        async def also(connection: AsyncConnection) -> None:
            await PaymentStore(connection).declined(payment.attempt_id, reason=reason)

        await self._transition(
            order,
            Action.DECLINE,
            leased=order.cancel_requested,
            resume_at=order.expires_at,
            note=f"payment declined: {reason}",
            also=also,
        )

    # -- undoing -------------------------------------------------------------------------------------

    async def _undo(self, order: Order) -> None:
        """Give back what the order took: money and sold units, or the held units."""
        payment = await self.payment_of(order.id)
        if payment is None or payment.status in {PaymentStatus.PENDING, PaymentStatus.DECLINED}:
            await self.inventory.release(order.id)
        else:
            if payment.status is PaymentStatus.CAPTURED:
                await self._refund(order, payment)
            await self.inventory.restock(order.id)
        await self._transition(order, Action.FINISH_CANCEL)

    async def _refund(self, order: Order, payment: Payment) -> None:
        try:
            await self.provider.refund(
                f"refund:{order.id}", capture=payment.attempt_id, amount=payment.amount
            )
        except OutcomeUnknown as error:
            raise Unavailable("The refund is under way; the order shows it when it is through.") from error
        async with self.postgres.unit_of_work() as connection:
            await PaymentStore(connection).refunded(payment)

    # -- common --------------------------------------------------------------------------------------

    async def payment_of(self, order_id: OrderId) -> Payment | None:
        async with self.postgres.read() as connection:
            return (await PaymentStore(connection).latest_of([order_id]))[0]

    async def _load(self, order_id: OrderId) -> Order:
        async with self.postgres.read() as connection:
            order = await OrderStore(connection).get(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        return order

    async def _transition(
        self,
        order: Order,
        action: Action,
        *,
        leased: bool = False,
        resume_at: datetime | None = None,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
        note: str | None = None,
        **columns: Any,
    ) -> None:
        """Take `action` in a unit of work, with what `also` writes; `leased` where another step follows."""
        now = self.clock()
        async with self.postgres.unit_of_work() as connection:
            await OrderStore(connection).transition(
                order, action, now=now, resume_at=now + LEASE if leased else resume_at, note=note, **columns
            )
            if also is not None:
                await also(connection)
        self.committed()

"""Placing an order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, NotFound, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain import ids
from subgraphs.orders.domain.errors import InsufficientStock, NumberTaken
from subgraphs.orders.domain.ids import OrderId, UserId
from subgraphs.orders.domain.items import OrderItem, OrderLine, merge_lines
from subgraphs.orders.domain.orders import Order, RejectionKind
from subgraphs.orders.domain.quotas import Quotas
from subgraphs.orders.domain.shipping import ShippingDetails, ShippingRates
from subgraphs.orders.domain.transitions import OrderStatus
from subgraphs.orders.metrics import ORDERS
from subgraphs.orders.ports.accounts import Accounts
from subgraphs.orders.saga import LEASE, Saga, patience
from subgraphs.orders.service.idempotency import check_key, digest_of
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.quotas import QuotaStore

# What an amount is in before the products have said their currency.
_UNPRICED = Amount(MinorUnits(0), "USD")

_MOST_NUMBERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    postgres: Postgres
    saga: Saga
    accounts: Accounts
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]
    payment_window: timedelta
    rates: ShippingRates
    quotas: Quotas

    async def place(
        self,
        viewer: Viewer,
        *,
        lines: Sequence[OrderLine],
        shipping: ShippingDetails | None,
        key: str | None,
    ) -> Order:
        """Place an order and hold its stock.

        From the moment that the order is on record no failure is an error of this call: where its stock is not
        decided yet the order comes back as PENDING_STOCK and goes on by itself. Raises Unauthenticated, Forbidden
        (a disabled account), Unavailable (nobody can say whether it is one), ValidationFailed, Conflict (a key
        used for something else), QuotaExceeded, NotFound (a product), InsufficientStock; the last two the same
        again for a key that is used again.
        """
        began = asyncio.get_running_loop().time()
        user_id = UserId(viewer.require_user())
        merged = merge_lines(lines)
        check_key(key)
        if shipping is not None:
            shipping.check()
        self.rates.check(shipping)
        await self.accounts.require_active(viewer)
        order = self._draft(user_id, shipping)
        items = _items(order, merged)
        known = None
        async with self.postgres.unit_of_work() as connection:
            if key is not None:
                known = await IdempotencyKeyStore(connection).claim(
                    user_id,
                    "createOrder",
                    key,
                    request_hash=digest_of(merged, shipping),
                    resource_id=order.id,
                )
            if known is None:
                await self._check_quotas(connection, user_id, merged)
                order = await _insert(connection, order, items, actor=user_id)
            else:
                order = await visible_order(OrderStore(connection), viewer, known)
        if known is None:
            ORDERS.inc()
            self.wake_up()
        progress = await self.saga.advance(
            order, items=items if known is None else None, within=patience(began)
        )
        return _placed(progress.order)

    async def _check_quotas(
        self, connection: AsyncConnection, user_id: UserId, lines: Sequence[OrderLine]
    ) -> None:
        if self.quotas:
            self.quotas.check(await QuotaStore(connection).usage(user_id), lines)

    def _draft(self, user_id: UserId, shipping: ShippingDetails | None) -> Order:
        now = self.clock()
        return Order(
            id=OrderId(new_id()),
            number=ids.new_number(now),
            user_id=user_id,
            status=OrderStatus.PENDING_STOCK,
            subtotal=_UNPRICED,
            total=_UNPRICED,
            shipping=shipping,
            tracking_number=None,
            version=1,
            last_seq=1,
            cancellation_request=None,
            rejection=None,
            expires_at=now + self.payment_window,
            resume_at=now + LEASE,
            created_at=now,
            updated_at=now,
        )


def _items(order: Order, lines: Sequence[OrderLine]) -> list[OrderItem]:
    return [
        OrderItem(
            id=new_id(),
            order_id=order.id,
            product_id=line.product_id,
            quantity=line.quantity,
            name="",
            sku="",
            price=_UNPRICED,
        )
        for line in lines
    ]


async def _insert(
    connection: AsyncConnection, order: Order, items: Sequence[OrderItem], *, actor: str
) -> Order:
    """Write the order, under another number where its own is taken. Raises NumberTaken after five of them."""
    for _ in range(_MOST_NUMBERS - 1):
        try:
            await OrderStore(connection).insert(order, items, actor=actor)
        except NumberTaken:
            order = replace(order, number=ids.new_number(order.created_at))
        else:
            return order
    await OrderStore(connection).insert(order, items, actor=actor)
    return order


def _placed(order: Order) -> Order:
    """The order, or the error that its rejection is."""
    rejection = order.rejection
    if rejection is None:
        return order
    match rejection.kind:
        case RejectionKind.SHORTAGE if rejection.product_id is not None:
            raise InsufficientStock(
                rejection.message,
                product_id=rejection.product_id,
                requested=rejection.requested,
                available=rejection.available,
            )
        case RejectionKind.UNKNOWN_PRODUCT:
            raise NotFound(rejection.message)
        case RejectionKind.TOO_MANY_HOLDS:
            raise Conflict(rejection.message)
        case _:
            raise ValidationFailed(rejection.message, field="items")

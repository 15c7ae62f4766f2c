"""Giving money back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import IllegalTransition
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.domain.refunds import Refund, check_refund, left_of, refund_key
from subgraphs.orders.domain.texts import check_text
from subgraphs.orders.domain.transitions import SOLD, Action
from subgraphs.orders.saga import LEASE, Saga, patience
from subgraphs.orders.service.decisions import decided
from subgraphs.orders.service.idempotency import check_key, digest_of
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore
from subgraphs.orders.store.refunds import RefundStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    postgres: Postgres
    saga: Saga
    clock: Callable[[], datetime]

    async def refund(
        self, viewer: Viewer, order_id: str, *, amount: Decimal | None, reason: str | None, key: str | None
    ) -> Order:
        """Refund `amount` of a paid order, or all that is left of it; the same key does so once.

        The order becomes REFUNDED with the last of the money. From the moment that the refund is on record no failure
        is an error of this call: where its outcome is not known yet the order comes back as it is, and the refund goes on by
        itself. Raises Unauthenticated, Forbidden without MANAGE_ORDERS, NotFound, IllegalTransition, ValidationFailed,
        Conflict (a key used for something else, or nothing left).
        """
        began = asyncio.get_running_loop().time()
        actor = viewer.require(Permission.MANAGE_ORDERS)
        check_text(reason, field="reason")
        check_key(key)

        async def decide() -> Order:
            async with self.postgres.unit_of_work() as connection:
                order = await visible_order(OrderStore(connection), viewer, order_id)
                wanted = (
                    None if amount is None else Amount.parse(amount, order.total.currency, field="amount")
                )
                refund_id = refund_key(order.id, new_id())
                if key is not None:
                    known = await IdempotencyKeyStore(connection).claim(
                        actor,
                        "refundOrder",
                        key,
                        request_hash=digest_of(order.id, wanted, reason),
                        resource_id=refund_id,
                    )
                    if known is not None:
                        # The claim may have waited for the call that used the key, which has changed the order since.
                        return await visible_order(OrderStore(connection), viewer, order_id)
                return await self._record(
                    connection, order, key=refund_id, wanted=wanted, actor=actor, reason=reason
                )

        return (await self.saga.advance(await decided(decide), within=patience(began))).order

    async def _record(
        self,
        connection: AsyncConnection,
        order: Order,
        *,
        key: str,
        wanted: Amount | None,
        actor: str,
        reason: str | None,
    ) -> Order:
        if order.status not in SOLD:
            raise IllegalTransition(order.status, Action.REFUND)
        now = self.clock()
        # First the order: whoever loses the compare-and-set has read what was promised too early.
        order = await OrderStore(connection).request_refund(order, now=now, resume_at=now + LEASE)
        [payment] = await PaymentStore(connection).latest_of([order.id])
        if payment is None:
            raise RuntimeError(f"order {order.id} is {order.status} without a payment")
        store = RefundStore(connection)
        left = left_of(payment, await store.of_payment(payment))
        granted = left if wanted is None else wanted
        check_refund(granted, left=left)
        await store.insert(Refund.pending(payment, granted, key=key, at=now, actor=actor, reason=reason))
        return order

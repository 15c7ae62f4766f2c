"""Paying an order."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.accounts import Accounts
from subgraphs.orders.domain import (
    HOLD_LOST,
    Action,
    AttemptId,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    check_text,
)
from subgraphs.orders.errors import IllegalTransition, PaymentDeclined
from subgraphs.orders.key_store import KeyStore
from subgraphs.orders.payment_store import PaymentStore
from subgraphs.orders.service.reading import visible
from subgraphs.orders.service.requests import check_key, digest_of
from subgraphs.orders.store import OrderStore
from subgraphs.orders.workflow import LEASE, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Paying:
    postgres: Postgres
    workflow: Workflow
    accounts: Accounts

    async def pay(self, viewer: Viewer, order_id: str, *, method: str, token: str, key: str | None) -> Order:
        """Pay an order whole.

        Raises Unauthenticated, Forbidden (a disabled account), ValidationFailed, NotFound, IllegalTransition, PaymentDeclined, Conflict
        (a key used for something else, or another change at the same time), Unavailable (the outcome is
        not known yet, or nobody can say whether the account is disabled; the same call with the same key later tells it).
        """
        user_id = viewer.require_user()
        check_key(key)
        check_text(method, field="method", least=1)
        check_text(token, field="token", least=1)
        await self.accounts.require_active(viewer)
        attempt_id = AttemptId(new_id())
        known = None
        async with self.postgres.unit_of_work() as connection:
            order = await visible(OrderStore(connection), viewer, order_id)
            if key is not None:
                known = await KeyStore(connection).claim(
                    user_id,
                    "payOrder",
                    key,
                    request_hash=digest_of(order.id, method, token),
                    resource_id=attempt_id,
                )
            if known is None:
                await self._start(connection, order, attempt_id, method, token, actor=user_id)
        if known is None:
            self.workflow.committed()
        return await self._finish(order, AttemptId(known or attempt_id))

    async def _start(
        self,
        connection: AsyncConnection,
        order: Order,
        attempt_id: AttemptId,
        method: str,
        token: str,
        *,
        actor: str,
    ) -> None:
        now = self.workflow.clock()
        if order.status is OrderStatus.AWAITING_PAYMENT and order.expires_at <= now:
            # Late by the clock, though the worker has not come by yet.
            raise IllegalTransition(OrderStatus.EXPIRED, Action.PAY)
        store = OrderStore(connection)
        paying = await store.transition(order, Action.PAY, now=now, resume_at=now + LEASE, actor=actor)
        payment = Payment(
            attempt_id=attempt_id,
            order_id=order.id,
            seq=paying.last_seq,
            method=method,
            token=token,
            amount=order.total,
            refunded=Amount(MinorUnits(0), order.total.currency),
            status=PaymentStatus.PENDING,
            transaction_id=None,
            reason=None,
            paid_at=None,
        )
        await PaymentStore(connection).insert(payment)

    async def _finish(self, order: Order, attempt_id: AttemptId) -> Order:
        """The order after the attempt, or the error that the attempt ended in."""
        unavailable = None
        try:
            await self.workflow.advance(order.id)
        except Unavailable as error:
            unavailable = error
        async with self.postgres.read() as connection:
            payment = await PaymentStore(connection).get(attempt_id)
            now = await OrderStore(connection).get(order.id)
        if payment is None or now is None:
            raise RuntimeError(f"order {order.id} has no payment {attempt_id}")
        if payment.status is PaymentStatus.DECLINED:
            if payment.reason == HOLD_LOST:
                raise IllegalTransition(OrderStatus.EXPIRED, Action.PAY)
            raise PaymentDeclined(payment.reason or "declined")
        if unavailable is not None and now.status is OrderStatus.PAYING:
            raise unavailable
        return now

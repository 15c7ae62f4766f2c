"""Paying an order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.ids import new_id
from subgraphs.kit.logs import get_logger
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.domain.errors import IllegalTransition, PaymentDeclined, PaymentsOff
from subgraphs.orders.domain.ids import AttemptId
from subgraphs.orders.domain.orders import Order
from subgraphs.orders.domain.payments import HOLD_LOST, Payment, PaymentStatus
from subgraphs.orders.domain.texts import check_text
from subgraphs.orders.domain.transitions import Action, OrderStatus
from subgraphs.orders.payments.provider import PaymentProvider
from subgraphs.orders.ports.accounts import Accounts
from subgraphs.orders.saga import LEASE, Saga, patience
from subgraphs.orders.service.idempotency import check_key, digest_of
from subgraphs.orders.service.visibility import visible_order
from subgraphs.orders.store.idempotency_keys import IdempotencyKeyStore
from subgraphs.orders.store.orders import OrderStore
from subgraphs.orders.store.payments import PaymentStore

log = get_logger(__name__)

_READ_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    id: AttemptId
    method: str
    token: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    postgres: Postgres
    saga: Saga
    provider: PaymentProvider | None
    accounts: Accounts
    clock: Callable[[], datetime]
    wake_up: Callable[[], None]

    async def pay(
        self, viewer: Viewer, order_id: str, *, method: str, token: str | None, key: str | None
    ) -> Order:
        """Pay an order whole, with the one-time token that the provider gave the customer.

        From the moment that the attempt is on record no failure is an error of this call: where the outcome
        is not known yet the order comes back as PAYING and goes on by itself. Raises Unauthenticated, Forbidden
        (a disabled account), ValidationFailed, NotFound, IllegalTransition, PaymentDeclined, PaymentsOff, Conflict (a
        key used for something else, or another change at the same time), Unavailable (nobody can say whether the
        account is disabled).
        """
        began = asyncio.get_running_loop().time()
        user_id = viewer.require_user()
        if self.provider is None:
            raise PaymentsOff
        check_key(key)
        check_text(method, field="method", least=1)
        token = self.provider.token(token)
        check_text(token, field="token", least=1)
        await self.accounts.require_active(viewer)
        attempt_id = AttemptId(new_id())
        known = None
        async with self.postgres.unit_of_work() as connection:
            store = OrderStore(connection)
            order = await visible_order(store, viewer, order_id)
            if key is not None:
                known = await IdempotencyKeyStore(connection).claim(
                    user_id,
                    "payOrder",
                    key,
                    request_hash=digest_of(order.id, method, token),
                    resource_id=attempt_id,
                )
            if known is None:
                attempt = _Attempt(attempt_id, method, token, self.provider.name)
                order = await self._start(connection, order, attempt, actor=user_id)
            else:
                # The claim may have waited for the call that used the key, which has changed the order since.
                order = await visible_order(store, viewer, order_id)
        if known is None:
            self.wake_up()
        progress = await self.saga.advance(order, within=patience(began))
        return await self._answer(progress.order, AttemptId(known or attempt_id))

    async def _start(
        self,
        connection: AsyncConnection,
        order: Order,
        attempt: _Attempt,
        *,
        actor: str,
    ) -> Order:
        now = self.clock()
        if order.status is OrderStatus.AWAITING_PAYMENT and order.expires_at <= now:
            # Late by the clock, though the resume job has not come by yet.
            raise IllegalTransition(OrderStatus.EXPIRED, Action.PAY)
        store = OrderStore(connection)
        paying = await store.transition(order, Action.PAY, now=now, resume_at=now + LEASE, actor=actor)
        payment = Payment(
            attempt_id=attempt.id,
            order_id=order.id,
            seq=paying.last_seq,
            method=attempt.method,
            token=attempt.token,
            provider=attempt.provider,
            reference=None,
            amount=order.total,
            refunded=Amount(MinorUnits(0), order.total.currency),
            status=PaymentStatus.PENDING,
            transaction_id=None,
            reason=None,
            paid_at=None,
        )
        await PaymentStore(connection).insert(payment)
        return paying

    async def _answer(self, order: Order, attempt_id: AttemptId) -> Order:
        """The order after the attempt, or the error that the attempt ended in."""
        try:
            async with asyncio.timeout(_READ_SECONDS), self.postgres.read() as connection:
                payment = await PaymentStore(connection).get(attempt_id)
        except Exception as error:  # noqa: BLE001 - the attempt is on record; an error would invite another
            log.warning("payment_not_read", order_id=order.id, attempt_id=attempt_id, error=repr(error))
            return order
        if payment is not None and payment.status is PaymentStatus.DECLINED:
            if payment.reason == HOLD_LOST:
                raise IllegalTransition(OrderStatus.EXPIRED, Action.PAY)
            raise PaymentDeclined(payment.reason or "declined")
        return order

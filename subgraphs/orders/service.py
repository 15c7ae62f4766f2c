"""The use cases of orders. Each is one unit of work, then the steps that need other services."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import orjson
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.utils.str_converters import to_camel_case

from subgraphs.kit.auth import Viewer
from subgraphs.kit.errors import Forbidden, NotFound, Unavailable, ValidationFailed
from subgraphs.kit.graphql.pagination import Page
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres import Postgres
from subgraphs.orders.domain import (
    MANAGE_ORDERS,
    Action,
    Address,
    AttemptId,
    Item,
    Line,
    Order,
    OrderEvent,
    OrderId,
    OrderStatus,
    Payment,
    PaymentStatus,
    RejectionKind,
    UserId,
    merge_lines,
    new_number,
)
from subgraphs.orders.errors import IllegalTransition, InsufficientStock, PaymentDeclined, StaleOrder
from subgraphs.orders.payment_store import PaymentStore
from subgraphs.orders.settings import OrdersSettings
from subgraphs.orders.store import Filter, OrderStore
from subgraphs.orders.workflow import LEASE, Workflow

ORDERS = Counter("orders_total", "Orders placed.")

_MAX_KEY = 255
_MAX_TEXT = 200
# What an amount is in before the products have said their currency.
_UNPRICED = Amount(MinorUnits(0), "USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderService:
    postgres: Postgres
    workflow: Workflow
    settings: OrdersSettings

    # -- reads ---------------------------------------------------------------------------------------

    async def order(self, viewer: Viewer, order_id: str) -> Order | None:
        """The order, for its owner and MANAGE_ORDERS; None for everybody else, as if there were none."""
        async with self.postgres.read() as connection:
            order = await OrderStore(connection).get(order_id)
        return order if order is not None and may_see(viewer, order) else None

    async def events(self, order_id: OrderId, *, after_seq: int) -> list[OrderEvent]:
        async with self.postgres.read() as connection:
            return (await OrderStore(connection).events_of([order_id], after_seq=after_seq))[0]

    async def orders(
        self, viewer: Viewer, *, where: Filter, first: int, after: OrderId | None
    ) -> Page[Order]:
        """One page of the viewer's own orders, or of all with MANAGE_ORDERS, newest first."""
        own = UserId(viewer.require_user())
        if not viewer.may(MANAGE_ORDERS):
            if where.user_id not in {None, own}:
                raise Forbidden(f"Orders of other people need the permission {MANAGE_ORDERS}.")
            where = Filter(
                user_id=own,
                statuses=where.statuses,
                created_from=where.created_from,
                created_to=where.created_to,
            )
        async with self.postgres.read() as connection:
            rows = await OrderStore(connection).list_newest(where, limit=first + 1, before=after)

        return page_of(rows, first=first, after=after, total=lambda: self.count(where))

    async def count(self, where: Filter) -> int:
        async with self.postgres.read() as connection:
            return await OrderStore(connection).count(where)

    # -- placing -------------------------------------------------------------------------------------

    async def place(
        self, viewer: Viewer, *, lines: Sequence[Line], shipping: Address | None, key: str | None
    ) -> Order:
        """Place an order and hold its stock.

        Where the stock service cannot be reached the order comes back as PENDING_STOCK and goes on by
        itself. Raises ValidationFailed, Conflict (a key used for something else), NotFound (a product),
        InsufficientStock.
        """
        user_id = UserId(viewer.require_user())
        merged = merge_lines(lines)
        _check(key, shipping)
        order, items = self._draft(user_id, merged, shipping)
        async with self.postgres.unit_of_work() as connection:
            store = OrderStore(connection)
            known = None
            if key is not None:
                known = await store.claim_key(
                    user_id, "createOrder", key, request_hash=_hash(merged, shipping), resource_id=order.id
                )
            if known is None:
                resume_at = order.created_at + LEASE
                await store.insert(order, items, actor=user_id, resume_at=resume_at)
        if known is not None:
            return _placed(await self._stored(OrderId(known)))
        ORDERS.inc()
        self.workflow.committed()
        try:
            return _placed(await self.workflow.advance(order.id))
        except Unavailable:
            return order

    def _draft(
        self, user_id: UserId, lines: Sequence[Line], shipping: Address | None
    ) -> tuple[Order, list[Item]]:
        now = self.workflow.clock()
        order = Order(
            id=OrderId(new_id()),
            number=new_number(now),
            user_id=user_id,
            status=OrderStatus.PENDING_STOCK,
            subtotal=_UNPRICED,
            total=_UNPRICED,
            shipping=shipping,
            version=1,
            last_seq=1,
            cancel_requested=False,
            rejection=None,
            expires_at=now + self.settings.payment_window,
            created_at=now,
            updated_at=now,
        )
        items = [
            Item(
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
        return order, items

    # -- paying --------------------------------------------------------------------------------------

    async def pay(self, viewer: Viewer, order_id: str, *, method: str, token: str, key: str | None) -> Order:
        """Pay an order whole.

        Raises NotFound, IllegalTransition, PaymentDeclined, Conflict (a key used for something else),
        Unavailable (the outcome is not known yet; the same call later tells it).
        """
        user_id = viewer.require_user()
        _check(key, None)
        for name, value in (("method", method), ("token", token)):
            if not 1 <= len(value) <= _MAX_TEXT:
                raise ValidationFailed(f"Between 1 and {_MAX_TEXT} characters.", field=name)
        attempt_id = AttemptId(new_id())
        known = None
        async with self.postgres.unit_of_work() as connection:
            store = OrderStore(connection)
            order = await self._visible(store, viewer, order_id)
            if key is not None:
                digest = _hash([order.id, method, token])
                known = await store.claim_key(
                    user_id, "payOrder", key, request_hash=digest, resource_id=attempt_id
                )
            if known is None:
                await self._start_payment(connection, order, attempt_id, method, token, actor=user_id)
        if known is not None:
            return await self._paid(order.id, AttemptId(known))
        self.workflow.committed()
        await self.workflow.advance(order.id)
        return await self._paid(order.id, attempt_id)

    async def _start_payment(
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
        await store.transition(order, Action.PAY, now=now, resume_at=now + LEASE, actor=actor)
        payment = Payment(
            attempt_id=attempt_id,
            order_id=order.id,
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

    async def _paid(self, order_id: OrderId, attempt_id: AttemptId) -> Order:
        """The order after the attempt, or the error that the attempt ended in."""
        async with self.postgres.read() as connection:
            payment = await PaymentStore(connection).get(attempt_id)
        order = await self._stored(order_id)
        if payment is not None and payment.status is PaymentStatus.DECLINED:
            if order.status is OrderStatus.EXPIRED:
                raise IllegalTransition(OrderStatus.EXPIRED, Action.PAY)
            raise PaymentDeclined(payment.reason or "declined")
        return order

    # -- cancelling ----------------------------------------------------------------------------------

    async def cancel(self, viewer: Viewer, order_id: str, *, reason: str | None) -> Order:
        """Cancel an order that is not shipped; what was paid is refunded, what was held or sold is put back.

        Of an order that is being paid the wish is recorded and acted on when the outcome is known.
        Raises NotFound, IllegalTransition, ValidationFailed.
        """
        user_id = viewer.require_user()
        if reason is not None and len(reason) > _MAX_TEXT:
            raise ValidationFailed(f"At most {_MAX_TEXT} characters.", field="reason")
        while True:
            try:
                async with self.postgres.unit_of_work() as connection:
                    store = OrderStore(connection)
                    order = await self._visible(store, viewer, order_id)
                    now = self.workflow.clock()
                    if order.status is OrderStatus.PAYING:
                        return await store.request_cancel(order, now=now)
                    await store.transition(
                        order, Action.CANCEL, now=now, resume_at=now + LEASE, actor=user_id, note=reason
                    )
                break
            except StaleOrder:
                continue
        self.workflow.committed()
        try:
            return await self.workflow.advance(order.id)
        except Unavailable:
            return await self._stored(order.id)

    # -- common --------------------------------------------------------------------------------------

    async def _visible(self, store: OrderStore, viewer: Viewer, order_id: str) -> Order:
        order = await store.get(order_id)
        if order is None or not may_see(viewer, order):
            raise NotFound(f"There is no order {order_id}.")
        return order

    async def _stored(self, order_id: OrderId) -> Order:
        async with self.postgres.read() as connection:
            order = await OrderStore(connection).get(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        return order


def may_see(viewer: Viewer, order: Order) -> bool:
    return viewer.user_id == order.user_id or viewer.may(MANAGE_ORDERS)


def page_of(
    rows: Sequence[Order], *, first: int, after: OrderId | None, total: Callable[[], Awaitable[int]]
) -> Page[Order]:
    """The page that `rows`, read with one row more than `first`, are."""
    return Page(
        rows=[(order, (order.id,)) for order in rows[:first]],
        has_next=len(rows) > first,
        has_previous=after is not None,
        total=total,
    )


def _placed(order: Order) -> Order:
    """The order, or the error that its rejection is. The same on a replay as at first."""
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
        case _:
            raise ValidationFailed(rejection.message, field="items")


def _check(key: str | None, shipping: Address | None) -> None:
    if key is not None and not 1 <= len(key) <= _MAX_KEY:
        raise ValidationFailed(f"Between 1 and {_MAX_KEY} characters.", field="idempotencyKey")
    for name, value in asdict(shipping).items() if shipping else ():
        if value is not None and len(value) > _MAX_TEXT:
            raise ValidationFailed(
                f"At most {_MAX_TEXT} characters.", field=f"shipping.{to_camel_case(name)}"
            )


def _hash(*parts: object) -> str:
    """A digest of a request, equal for equal requests: merged lines, so their order does not matter."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()

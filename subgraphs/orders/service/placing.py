"""Placing an order."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from prometheus_client import Counter
from strawberry.utils.str_converters import to_camel_case

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import NotFound, Unavailable, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.accounts import Accounts
from subgraphs.orders.domain import (
    Address,
    Item,
    Line,
    Order,
    OrderId,
    OrderStatus,
    RejectionKind,
    UserId,
    check_text,
    merge_lines,
    new_number,
)
from subgraphs.orders.errors import InsufficientStock
from subgraphs.orders.key_store import KeyStore
from subgraphs.orders.service.reading import visible
from subgraphs.orders.service.requests import check_key, digest_of
from subgraphs.orders.store import OrderStore
from subgraphs.orders.workflow import LEASE, Workflow

ORDERS = Counter("orders_total", "Orders placed.")

# What an amount is in before the products have said their currency.
_UNPRICED = Amount(MinorUnits(0), "USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    postgres: Postgres
    workflow: Workflow
    accounts: Accounts
    payment_window: timedelta

    async def place(
        self, viewer: Viewer, *, lines: Sequence[Line], shipping: Address | None, key: str | None
    ) -> Order:
        """Place an order and hold its stock.

        Where the stock service cannot be reached the order comes back as PENDING_STOCK and goes on by
        itself. Raises Unauthenticated, Forbidden (a disabled account), Unavailable (nobody can say whether it
        is one), ValidationFailed, Conflict (a key used for something else),
        NotFound (a product), InsufficientStock; the same again for a key that is used again.
        """
        user_id = UserId(viewer.require_user())
        merged = merge_lines(lines)
        check_key(key)
        _check_address(shipping)
        await self.accounts.require_active(viewer)
        order, items = self._draft(user_id, merged, shipping)
        known = None
        async with self.postgres.unit_of_work() as connection:
            if key is not None:
                known = await KeyStore(connection).claim(
                    user_id,
                    "createOrder",
                    key,
                    request_hash=digest_of(merged, shipping),
                    resource_id=order.id,
                )
            if known is None:
                await OrderStore(connection).insert(order, items, actor=user_id)
        if known is None:
            ORDERS.inc()
            self.workflow.committed()
        order_id = OrderId(known or order.id)
        try:
            return _placed(await self.workflow.advance(order_id))
        except Unavailable:
            async with self.postgres.read() as connection:
                return _placed(await visible(OrderStore(connection), viewer, order_id))

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
            cancel_wish=None,
            rejection=None,
            expires_at=now + self.payment_window,
            resume_at=now + LEASE,
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
        case _:
            raise ValidationFailed(rejection.message, field="items")


def _check_address(shipping: Address | None) -> None:
    for name, value in asdict(shipping).items() if shipping else ():
        check_text(value, field=f"shipping.{to_camel_case(name)}")

"""The entities: orders, and what orders contribute to those of other subgraphs.

A stub is resolved without a query; it only carries its key to the fields that are ours.
"""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.graphql.money import Money
from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.pagination import DEFAULT_PAGE, decode_id_cursor, page_size
from subgraphs.orders import domain
from subgraphs.orders.domain import MANAGE_ORDERS, OrderStatus
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.types import OrderEvent, Payment, Shipping
from subgraphs.orders.loaders import UserPage
from subgraphs.orders.service import may_see, page_of
from subgraphs.orders.store import Filter


def cursor_of(after: str | None) -> domain.OrderId | None:
    """The order that a cursor names. Raises ValidationFailed for one that is not of this list."""
    order_id = decode_id_cursor(after)
    return None if order_id is None else domain.OrderId(order_id)


@strawberry.federation.type(keys=["id"])
class Product:
    id: strawberry.ID

    @strawberry.field(description="Units sold in orders that are paid.")
    async def units_sold(self, info: Info) -> int | None:
        return await info.context.loaders.units_sold.load(domain.ProductId(self.id))

    @classmethod
    async def resolve_references(cls, info: Info, representations: list[dict[str, str]]) -> list[Self | None]:  # noqa: ARG003 - the hook's signature
        return [cls(id=strawberry.ID(r["id"])) for r in representations]


@strawberry.federation.type(keys=["id"])
class User:
    id: strawberry.ID

    @strawberry.field(description=f"Their orders, newest first; for themselves and {MANAGE_ORDERS}.")
    async def orders(
        self,
        info: Info,
        first: int | None = DEFAULT_PAGE,
        after: str | None = None,
        status: OrderStatus | None = None,
    ) -> Connection["Order"]:
        viewer = info.context.viewer
        if viewer.user_id != self.id:
            viewer.require(MANAGE_ORDERS)
        size, before = page_size(first), cursor_of(after)
        where = Filter(statuses=(status,) if status else None)
        page = UserPage(user_id=domain.UserId(self.id), where=where, limit=size + 1, before=before)
        rows = await info.context.loaders.user_pages.load(page)
        every = Filter(user_id=page.user_id, statuses=where.statuses)
        found = page_of(
            rows, first=size, after=before, total=lambda: info.context.service.reading.count(every)
        )
        return Connection.of(found, Order.of)

    @classmethod
    async def resolve_references(cls, info: Info, representations: list[dict[str, str]]) -> list[Self | None]:  # noqa: ARG003 - the hook's signature
        return [cls(id=strawberry.ID(r["id"])) for r in representations]


@strawberry.type(description="One line of an order, as it was when its stock was held.")
class OrderItem:
    id: strawberry.ID
    product: Product | None = strawberry.field(description="The product as it is now.")
    product_name: str = strawberry.field(description="Its name when ordered; empty while stock is pending.")
    sku: str
    quantity: int
    price: Money = strawberry.field(description="For one unit; zero while stock is pending.")
    total: Money

    @classmethod
    def of(cls, item: domain.Item) -> Self:
        return cls(
            id=strawberry.ID(item.id),
            product=Product(id=strawberry.ID(item.product_id)),
            product_name=item.name,
            sku=item.sku,
            quantity=item.quantity,
            price=Money.of(item.price),
            total=Money.of(item.total),
        )


@strawberry.federation.type(keys=["id"], description="An order of one customer.")
class Order:
    id: strawberry.ID
    number: str = strawberry.field(description="For people: ORD-20260131-7K3M9Q2T.")
    user: User | None = strawberry.field(description="Who placed it.")
    status: OrderStatus
    subtotal: Money
    total: Money
    shipping: Shipping | None
    version: int = strawberry.field(
        description="Counts every change; pass it on to change what you have read."
    )
    created_at: datetime
    updated_at: datetime

    @strawberry.field
    async def items(self, info: Info) -> list[OrderItem]:
        return [OrderItem.of(item) for item in await info.context.loaders.items.load(domain.OrderId(self.id))]

    @strawberry.field(description="The last attempt to pay, if there was one.")
    async def payment(self, info: Info) -> Payment | None:
        payment = await info.context.loaders.payments.load(domain.OrderId(self.id))
        return Payment.of(payment) if payment else None

    @strawberry.field(description="Every change of status, the first one first.")
    async def history(self, info: Info) -> list[OrderEvent]:
        return [
            OrderEvent.of(event) for event in await info.context.loaders.events.load(domain.OrderId(self.id))
        ]

    @classmethod
    def of(cls, order: domain.Order) -> Self:
        return cls(
            id=strawberry.ID(order.id),
            number=order.number,
            user=User(id=strawberry.ID(order.user_id)),
            status=order.status,
            subtotal=Money.of(order.subtotal),
            total=Money.of(order.total),
            shipping=Shipping.of(order, order.shipping) if order.shipping else None,
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )

    @classmethod
    async def resolve_references(cls, info: Info, representations: list[dict[str, str]]) -> list[Self | None]:
        """The orders of `representations`; None for those that the viewer may not see."""
        loaded = await info.context.loaders.orders.load_many(
            [domain.OrderId(r["id"]) for r in representations]
        )
        return [cls.of(order) if order and may_see(info.context.viewer, order) else None for order in loaded]


@strawberry.type(description="One change of status as it happens.")
class OrderStatusEvent:
    seq: int = strawberry.field(description="Pass the last one as `afterSeq` to go on after an interruption.")
    status: OrderStatus
    at: datetime
    order: Order

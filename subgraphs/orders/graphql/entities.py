"""The entities: orders, and what orders contribute to those of other subgraphs.

A stub is resolved without a query; it only carries its key to the fields that are ours.
"""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.graphql.money import Money
from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.pagination import DEFAULT_PAGE
from subgraphs.orders.domain import items, orders
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.enums import OrderStatus
from subgraphs.orders.graphql.inputs import Cursor
from subgraphs.orders.graphql.types import OrderEvent, Payment, Shipping
from subgraphs.orders.service import page_of


@strawberry.federation.type(keys=["id"])
class Product:
    id: strawberry.ID

    @strawberry.field(description="Units sold in orders that are paid.")
    async def units_sold(self, info: Info) -> int | None:
        return await info.context.loaders.units_sold.load(ProductId(self.id))

    @classmethod
    async def resolve_references(cls, info: Info, representations: list[dict[str, str]]) -> list[Self | None]:  # noqa: ARG003 - the hook's signature
        return [cls(id=strawberry.ID(r["id"])) for r in representations]


@strawberry.federation.type(keys=["id"])
class User:
    id: strawberry.ID

    @strawberry.field(
        description=f"Their orders, newest first; for themselves and {Permission.MANAGE_ORDERS}."
    )
    async def orders(
        self,
        info: Info,
        first: int | None = DEFAULT_PAGE,
        after: Cursor = None,
        status: OrderStatus | None = None,
    ) -> Connection["Order"]:
        context = info.context
        asked = context.service.orders.user_orders(
            context.viewer, self.id, status=status, first=first, after=after
        )
        rows = await context.loaders.user_pages.load(asked)
        page = page_of(rows, asked.page, total=lambda: context.loaders.user_counts.load(asked))
        return Connection.of(page, Order.of)

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
    def of(cls, item: items.OrderItem) -> Self:
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
    version: int = strawberry.field(description="Grows by one with each change of the order.")
    created_at: datetime
    updated_at: datetime

    @strawberry.field
    async def items(self, info: Info) -> list[OrderItem]:
        return [OrderItem.of(item) for item in await info.context.loaders.items.load(OrderId(self.id))]

    @strawberry.field(description="The last attempt to pay, if there was one.")
    async def payment(self, info: Info) -> Payment | None:
        payment = await info.context.loaders.payments.load(OrderId(self.id))
        return Payment.of(payment) if payment else None

    @strawberry.field(description="Every change of status, the first one first.")
    async def history(self, info: Info) -> list[OrderEvent]:
        return [OrderEvent.of(event) for event in await info.context.loaders.events.load(OrderId(self.id))]

    @classmethod
    def of(cls, order: orders.Order) -> Self:
        return cls(
            id=strawberry.ID(order.id),
            number=order.number,
            user=User(id=strawberry.ID(order.user_id)),
            status=order.status,
            subtotal=Money.of(order.subtotal),
            total=Money.of(order.total),
            shipping=Shipping.of(order),
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )

    @classmethod
    async def resolve_references(cls, info: Info, representations: list[dict[str, str]]) -> list[Self | None]:
        """The orders of `representations`; None for those that the viewer may not see."""
        found = await info.context.service.orders.visible(
            info.context.viewer, [OrderId(r["id"]) for r in representations]
        )
        return [cls.of(order) if order else None for order in found]


@strawberry.type(description="One change of status as it happens.")
class OrderStatusEvent:
    seq: int = strawberry.field(description="Pass the last one as `afterSeq` to go on after an interruption.")
    status: OrderStatus
    at: datetime
    order: Order

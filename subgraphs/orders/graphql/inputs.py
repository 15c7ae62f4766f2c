"""What clients send."""

from datetime import datetime
from typing import Annotated

import strawberry

from subgraphs.kit.graphql.bounds import max_items, max_length
from subgraphs.orders.domain import lists
from subgraphs.orders.domain.ids import ProductId, UserId
from subgraphs.orders.domain.items import MAX_LINES, OrderLine
from subgraphs.orders.domain.shipping import ShippingDetails
from subgraphs.orders.domain.texts import MAX_TEXT
from subgraphs.orders.graphql.enums import OrderStatus
from subgraphs.orders.service.idempotency import MAX_KEY

# Above the domain's own limits, whose errors name the field: only gross excess is refused before that.
_CURSOR = 200
TEXT = max_length(2 * MAX_TEXT)
Text = Annotated[str | None, strawberry.argument(metadata=TEXT)]
IdempotencyKey = Annotated[str | None, strawberry.argument(metadata=max_length(2 * MAX_KEY))]
Cursor = Annotated[str | None, strawberry.argument(metadata=max_length(_CURSOR))]
_LINES = max_items(2 * MAX_LINES)
_STATUSES = max_items(2 * len(OrderStatus))


@strawberry.input(description="Some units of one product.")
class OrderItemInput:
    product_id: strawberry.ID
    quantity: int

    def to_domain(self) -> OrderLine:
        return OrderLine(ProductId(self.product_id), self.quantity)


@strawberry.input(description="Where an order goes and how.")
class ShippingInput:
    address: str | None = strawberry.field(default=None, metadata=TEXT)
    city: str | None = strawberry.field(default=None, metadata=TEXT)
    state: str | None = strawberry.field(default=None, metadata=TEXT)
    country: str | None = strawberry.field(default=None, metadata=TEXT)
    zip_code: str | None = strawberry.field(default=None, metadata=TEXT)
    method: str | None = strawberry.field(default=None, metadata=TEXT)

    def to_domain(self) -> ShippingDetails:
        return ShippingDetails(
            address=self.address,
            city=self.city,
            state=self.state,
            country=self.country,
            zip_code=self.zip_code,
            method=self.method,
        )


@strawberry.input
class CreateOrderInput:
    items: list[OrderItemInput] = strawberry.field(
        description="1 to 100; lines of one product are added up.", metadata=_LINES
    )
    shipping: ShippingInput | None = None


@strawberry.input(description="Changes to an order. An absent field stays as it is, null clears it.")
class UpdateOrderInput:
    shipping: ShippingInput | None = strawberry.field(
        default=strawberry.UNSET, description="In the place of all that was given before."
    )


@strawberry.input
class PayOrderInput:
    method: str = strawberry.field(default="card", metadata=TEXT)
    token: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The payment provider's one-time token. The sandbox, where it is on, takes tok_ok where there is none.",
        metadata=TEXT,
    )


@strawberry.input(description="Which orders to list. An absent field excludes none.")
class OrderFilter:
    user_id: strawberry.ID | None = None
    status: list[OrderStatus] | None = strawberry.field(default=None, metadata=_STATUSES)
    from_: datetime | None = strawberry.field(name="from", default=None, description="Placed then or later.")
    to: datetime | None = strawberry.field(default=None, description="Placed before.")

    def to_domain(self) -> lists.OrderFilter:
        return lists.OrderFilter(
            user_id=UserId(self.user_id) if self.user_id is not None else None,
            statuses=tuple(self.status) if self.status is not None else None,
            created_from=self.from_,
            created_to=self.to,
        )

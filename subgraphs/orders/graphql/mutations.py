"""Changing orders. Each result is a union of one success and the errors that a client can act on."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.orders.domain import Line, ProductId
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order
from subgraphs.orders.graphql.errors import (
    IllegalTransitionError,
    InsufficientStockError,
    PaymentDeclinedError,
)
from subgraphs.orders.graphql.types import CreateOrderInput, PayOrderInput


@strawberry.type
class CreateOrderSuccess:
    order: Order


@strawberry.type
class PayOrderSuccess:
    order: Order


@strawberry.type
class CancelOrderSuccess:
    order: Order


CreateOrderResult = Annotated[
    CreateOrderSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | AuthenticationError
    | PermissionDeniedError
    | InsufficientStockError,
    strawberry.union("CreateOrderResult"),
]
PayOrderResult = Annotated[
    PayOrderSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | AuthenticationError
    | PermissionDeniedError
    | IllegalTransitionError
    | PaymentDeclinedError,
    strawberry.union("PayOrderResult"),
]
CancelOrderResult = Annotated[
    CancelOrderSuccess | ValidationError | NotFoundError | AuthenticationError | IllegalTransitionError,
    strawberry.union("CancelOrderResult"),
]


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Place an order and hold its stock. The same idempotency key gives the same order again."
    )
    @errors_as_data
    async def create_order(
        self,
        info: Info,
        input: CreateOrderInput,
        idempotency_key: str | None = None,
    ) -> CreateOrderResult:
        order = await info.context.service.placing.place(
            info.context.viewer,
            lines=[Line(ProductId(item.product_id), item.quantity) for item in input.items],
            shipping=input.shipping.to_domain() if input.shipping else None,
            key=idempotency_key,
        )
        return CreateOrderSuccess(order=Order.of(order))

    @strawberry.mutation(description="Pay an order whole. The same idempotency key never charges twice.")
    @errors_as_data
    async def pay_order(
        self,
        info: Info,
        id: strawberry.ID,
        input: PayOrderInput,
        idempotency_key: str | None = None,
    ) -> PayOrderResult:
        order = await info.context.service.paying.pay(
            info.context.viewer, id, method=input.method, token=input.token, key=idempotency_key
        )
        return PayOrderSuccess(order=Order.of(order))

    @strawberry.mutation(
        description="Cancel an order that is not shipped; what was paid is refunded. One that is being paid "
        "is cancelled as soon as the payment's outcome is known."
    )
    @errors_as_data
    async def cancel_order(
        self, info: Info, id: strawberry.ID, reason: str | None = None
    ) -> CancelOrderResult:
        order = await info.context.service.cancelling.cancel(info.context.viewer, id, reason=reason)
        return CancelOrderSuccess(order=Order.of(order))

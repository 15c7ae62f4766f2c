"""Placing an order."""

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
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order
from subgraphs.orders.graphql.errors import InsufficientStockError
from subgraphs.orders.graphql.inputs import CreateOrderInput, IdempotencyKey


@strawberry.type
class CreateOrderSuccess:
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


@strawberry.type
class PlacementMutations:
    @strawberry.mutation(
        description="Place an order and hold its stock. Where that is not decided yet the order comes back as "
        "PENDING_STOCK and goes on by itself. The same idempotency key gives the same order again."
    )
    @errors_as_data
    async def create_order(
        self, info: Info, input: CreateOrderInput, idempotency_key: IdempotencyKey = None
    ) -> CreateOrderResult:
        order = await info.context.service.placement.place(
            info.context.viewer,
            lines=[line.to_domain() for line in input.items],
            shipping=input.shipping.to_domain() if input.shipping else None,
            key=idempotency_key,
        )
        return CreateOrderSuccess(order=Order.of(order))

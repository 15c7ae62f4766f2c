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
        description="Place an order and hold its stock. While the stock service does not answer the order is "
        "PENDING_STOCK, and the service finishes it. A repeated idempotency key returns the order that it made. "
        "A ConflictError also where the account has too many orders or units that are not paid."
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

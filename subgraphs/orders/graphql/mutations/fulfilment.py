"""Processing, sending and delivering an order."""

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
from subgraphs.orders.graphql.enums import OrderStatus
from subgraphs.orders.graphql.errors import IllegalTransitionError
from subgraphs.orders.graphql.inputs import Text


@strawberry.type
class SetOrderStatusSuccess:
    order: Order


SetOrderStatusResult = Annotated[
    SetOrderStatusSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | AuthenticationError
    | PermissionDeniedError
    | IllegalTransitionError,
    strawberry.union("SetOrderStatusResult"),
]


@strawberry.type
class FulfilmentMutations:
    @strawberry.mutation(
        description="Move a paid order one step on: PROCESSING, SHIPPED (where a tracking number may be given), "
        "DELIVERED. Needs MANAGE_ORDERS."
    )
    @errors_as_data
    async def set_order_status(
        self,
        info: Info,
        id: strawberry.ID,
        status: OrderStatus,
        tracking_number: Text = None,
        note: Text = None,
    ) -> SetOrderStatusResult:
        order = await info.context.service.fulfilment.move(
            info.context.viewer, id, status=status, tracking_number=tracking_number, note=note
        )
        return SetOrderStatusSuccess(order=Order.of(order))

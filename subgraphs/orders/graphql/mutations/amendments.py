"""Changing an order after it was placed."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    ValidationError,
    errors_as_data,
)
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order
from subgraphs.orders.graphql.errors import IllegalTransitionError
from subgraphs.orders.graphql.inputs import UpdateOrderInput


@strawberry.type
class UpdateOrderSuccess:
    order: Order


UpdateOrderResult = Annotated[
    UpdateOrderSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | AuthenticationError
    | IllegalTransitionError,
    strawberry.union("UpdateOrderResult"),
]


@strawberry.type
class AmendmentMutations:
    @strawberry.mutation(
        description="Send an order that is not shipped elsewhere, or in another way. The total follows the shipping cost "
        "while it is unpaid. With `version` it is a conflict if the order has changed since."
    )
    @errors_as_data
    async def update_order(
        self, info: Info, id: strawberry.ID, input: UpdateOrderInput, version: int | None = None
    ) -> UpdateOrderResult:
        amendments, viewer = info.context.service.amendments, info.context.viewer
        if input.shipping is strawberry.UNSET:
            order = await amendments.unchanged(viewer, id, version=version)
        else:
            shipping = input.shipping.to_domain() if input.shipping else None
            order = await amendments.ship_to(viewer, id, shipping=shipping, version=version)
        return UpdateOrderSuccess(order=Order.of(order))

"""Cancelling an order."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    NotFoundError,
    ValidationError,
    errors_as_data,
)
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.entities import Order
from subgraphs.orders.graphql.errors import IllegalTransitionError
from subgraphs.orders.graphql.inputs import Text


@strawberry.type
class CancelOrderSuccess:
    order: Order


CancelOrderResult = Annotated[
    CancelOrderSuccess | ValidationError | NotFoundError | AuthenticationError | IllegalTransitionError,
    strawberry.union("CancelOrderResult"),
]


@strawberry.type
class CancellationMutations:
    @strawberry.mutation(
        description="Cancel an order that is not shipped; what was paid is refunded. While a payment is "
        "under way the request is recorded, and carried out when the payment's outcome is known."
    )
    @errors_as_data
    async def cancel_order(self, info: Info, id: strawberry.ID, reason: Text = None) -> CancelOrderResult:
        order = await info.context.service.cancellations.cancel(info.context.viewer, id, reason=reason)
        return CancelOrderSuccess(order=Order.of(order))

"""Paying an order."""

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
from subgraphs.orders.graphql.errors import IllegalTransitionError, PaymentDeclinedError
from subgraphs.orders.graphql.inputs import IdempotencyKey, PayOrderInput


@strawberry.type
class PayOrderSuccess:
    order: Order


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


@strawberry.type
class PaymentMutations:
    @strawberry.mutation(
        description="Pay the full amount of an order. While the outcome is unknown the order is PAYING, and the "
        "service finishes the payment. A repeated idempotency key never charges twice."
    )
    @errors_as_data
    async def pay_order(
        self, info: Info, id: strawberry.ID, input: PayOrderInput, idempotency_key: IdempotencyKey = None
    ) -> PayOrderResult:
        token = None if input.token is strawberry.UNSET else input.token
        order = await info.context.service.payments.pay(
            info.context.viewer, id, method=input.method, token=token, key=idempotency_key
        )
        return PayOrderSuccess(order=Order.of(order))

"""Refunding an order."""

from decimal import Decimal
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
from subgraphs.orders.graphql.errors import IllegalTransitionError
from subgraphs.orders.graphql.inputs import IdempotencyKey, Text


@strawberry.type
class RefundOrderSuccess:
    order: Order


RefundOrderResult = Annotated[
    RefundOrderSuccess
    | ValidationError
    | NotFoundError
    | ConflictError
    | AuthenticationError
    | PermissionDeniedError
    | IllegalTransitionError,
    strawberry.union("RefundOrderResult"),
]


@strawberry.type
class RefundMutations:
    @strawberry.mutation(
        description="Refund an amount of a paid order, or all that is left of it, which makes it REFUNDED. The same "
        "idempotency key never refunds twice. Needs MANAGE_ORDERS."
    )
    @errors_as_data
    async def refund_order(
        self,
        info: Info,
        id: strawberry.ID,
        amount: Decimal | None = None,
        reason: Text = None,
        idempotency_key: IdempotencyKey = None,
    ) -> RefundOrderResult:
        order = await info.context.service.refunds.refund(
            info.context.viewer, id, amount=amount, reason=reason, key=idempotency_key
        )
        return RefundOrderSuccess(order=Order.of(order))

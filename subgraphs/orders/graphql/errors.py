"""The GraphQL types of the errors that only orders have."""

import strawberry

from subgraphs.kit.graphql.errors import Error, register
from subgraphs.orders.domain import errors
from subgraphs.orders.graphql.entities import Product
from subgraphs.orders.graphql.enums import OrderStatus


@strawberry.type(description="There are not enough units of a product.")
class InsufficientStockError(Error):
    product: Product
    requested: int
    available: int


@strawberry.type(description="The order's state does not allow this.")
class IllegalTransitionError(Error):
    from_: OrderStatus = strawberry.field(name="from")
    action: str


@strawberry.type(description="The payment provider said no; the order can be paid in another way.")
class PaymentDeclinedError(Error):
    reason: str = strawberry.field(description="The provider's code, such as card_declined.")


register(
    errors.InsufficientStock,
    InsufficientStockError,
    lambda e: InsufficientStockError(
        code=e.code,
        message=e.message,
        product=Product(id=strawberry.ID(e.product_id)),
        requested=e.requested,
        available=e.available,
    ),
)
register(
    errors.IllegalTransition,
    IllegalTransitionError,
    lambda e: IllegalTransitionError(code=e.code, message=e.message, from_=e.status, action=e.action.value),
)
register(
    errors.PaymentDeclined,
    PaymentDeclinedError,
    lambda e: PaymentDeclinedError(code=e.code, message=e.message, reason=e.reason),
)

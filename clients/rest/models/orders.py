"""Orders, their shipping, payment and live status."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasPath, ConfigDict, Field

from clients.rest.models.base import Amount, Answer, Body, Currency, Id, IdText, Integer, LowerEnum
from clients.rest.models.pagination import PageResponse


class OrderStatus(LowerEnum):
    PENDING_STOCK = "pending_stock"
    AWAITING_PAYMENT = "awaiting_payment"
    PAYING = "paying"
    PAID = "paid"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class PaymentStatus(LowerEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


# What PostgreSQL cannot keep.
_NO_NUL = r"^[^\x00]*$"
_MAX_TEXT = 200
OrderText = Annotated[str, Field(max_length=_MAX_TEXT, pattern=_NO_NUL)]
PaymentText = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT, pattern=_NO_NUL)]


class OrderLineBody(Body):
    product_id: IdText
    quantity: Integer = Field(ge=1, le=1000, description="In all lines of the product together.")


class ShippingBody(Body):
    address: OrderText | None = None
    city: OrderText | None = None
    state: OrderText | None = None
    country: OrderText | None = None
    zip_code: OrderText | None = None
    method: OrderText | None = None


class CreateOrderBody(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [{"product_id": "0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c10", "quantity": 2}]}]
        }
    )

    items: list[OrderLineBody] = Field(min_length=1, max_length=100)
    shipping: ShippingBody | None = None


class UpdateOrderBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"shipping": {"city": "Zürich", "zip_code": "8001"}}]}
    )

    shipping: ShippingBody | None = Field(
        None, description="In the place of all that was given before; null clears it."
    )


class PayBody(Body):
    """How to pay; by card where nothing else is said. The sandbox provider, where it is on, needs no token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"method": "card", "token": "tok_ok"}]})

    method: PaymentText = "card"
    token: PaymentText | None = Field(
        None,
        description="The payment provider's one-time token. With the sandbox: `tok_ok` is captured, `tok_declined` declined.",
    )


class OrderItem(Answer):
    product_id: str | None = Field(None, validation_alias=AliasPath("product", "id"))
    product_name: str = Field(description="As it was when ordered.")
    sku: str
    quantity: int
    price: Amount = Field(
        validation_alias=AliasPath("price", "amount"), description="Of one unit, when ordered."
    )
    total: Amount = Field(validation_alias=AliasPath("total", "amount"))


class Shipping(Answer):
    address: str | None
    city: str | None
    state: str | None
    country: str | None
    zip_code: str | None
    method: str | None
    cost: Amount = Field(validation_alias=AliasPath("cost", "amount"))
    status: str | None
    tracking_number: str | None


class Payment(Answer):
    method: str
    amount: Amount = Field(validation_alias=AliasPath("amount", "amount"))
    refunded: Amount = Field(validation_alias=AliasPath("refunded", "amount"))
    status: PaymentStatus
    transaction_id: str | None
    paid_at: datetime | None


class Order(Answer):
    id: Id
    number: str = Field(description="For people.")
    user_id: str | None = Field(None, validation_alias=AliasPath("user", "id"))
    items: list[OrderItem]
    subtotal: Amount = Field(validation_alias=AliasPath("subtotal", "amount"))
    total: Amount = Field(validation_alias=AliasPath("total", "amount"))
    currency: Currency = Field(validation_alias=AliasPath("total", "currency"))
    status: OrderStatus
    shipping: Shipping | None
    payment: Payment | None
    created_at: datetime
    updated_at: datetime
    version: int = Field(exclude=True)


class OrderList(PageResponse):
    orders: list[Order]


class StatusEvent(Answer):
    """The data of one `order_status` event."""

    order_id: str
    seq: int = Field(description="1, 2, 3 … within the order, without gaps; also the event's id.")
    status: OrderStatus
    at: datetime

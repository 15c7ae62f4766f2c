"""What orders may refuse beside the kit's errors."""

from subgraphs.kit.errors import Conflict, DomainError
from subgraphs.orders.domain.ids import ProductId
from subgraphs.orders.domain.transitions import Action, OrderStatus


class IllegalTransition(Conflict):
    code = "ILLEGAL_TRANSITION"

    def __init__(self, status: OrderStatus, action: Action) -> None:
        super().__init__(f"An order that is {status} cannot take the action “{action}”.")
        self.status = status
        self.action = action


class InsufficientStock(Conflict):
    code = "INSUFFICIENT_STOCK"

    def __init__(self, message: str, *, product_id: ProductId, requested: int, available: int) -> None:
        super().__init__(message)
        self.product_id = product_id
        self.requested = requested
        self.available = available


class PaymentDeclined(DomainError):
    code = "PAYMENT_DECLINED"
    http_status = 402

    def __init__(self, reason: str) -> None:
        super().__init__(f"The payment was declined ({reason}); the order can be paid in another way.")
        self.reason = reason


class PaymentsOff(Conflict):
    """No payment provider is set up (`ORDERS_PAYMENTS_PROVIDER`)."""

    def __init__(self) -> None:
        super().__init__("Payments are off: no payment provider is set up here, so no order can be paid.")


class StaleOrder(Conflict):
    """Another writer changed the order between our read and our write; nothing was written."""

    def __init__(self) -> None:
        super().__init__("The order changed meanwhile; read it again and repeat.")


class QuotaExceeded(Conflict):
    """The account has as much ordered and not paid as it may have; nothing was written."""


class NumberTaken(Conflict):
    """Another order has the number that was drawn; nothing was written, and another number will do."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is an order {number} already.")

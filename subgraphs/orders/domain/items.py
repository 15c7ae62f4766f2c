"""What an order is made of: the lines that a customer asks for, and the items that they become."""

from collections.abc import Sequence
from dataclasses import dataclass

from subgraphs.kit.errors import NotFound, ValidationFailed
from subgraphs.kit.ids import is_id
from subgraphs.kit.money import MAX_MINOR_UNITS, Amount
from subgraphs.orders.domain.ids import OrderId, ProductId

MAX_LINES = 100
MAX_QUANTITY = 1000
_TOO_MUCH = "The order comes to more than can be paid; split it."


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What a customer asks for: some units of one product."""

    product_id: ProductId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """A line of an order, with the product's name and price at the time when its stock was held.

    Until then `name` and `sku` are empty and `price` is zero.
    """

    id: str
    order_id: OrderId
    product_id: ProductId
    quantity: int
    name: str
    sku: str
    price: Amount

    @property
    def total(self) -> Amount:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Price:
    """What the items of an order cost together, and what they do with their shipping."""

    subtotal: Amount
    total: Amount


def merge_lines(lines: Sequence[OrderLine]) -> tuple[OrderLine, ...]:
    """`lines` with those of one product added up, sorted by product.

    Raises ValidationFailed for no lines, too many, or a quantity outside of 1..1000; NotFound for what
    cannot be the id of a product.
    """
    if not 1 <= len(lines) <= MAX_LINES:
        raise ValidationFailed(f"An order has between 1 and {MAX_LINES} items.", field="items")
    merged: dict[ProductId, int] = {}
    for index, line in enumerate(lines):
        if line.quantity < 1:
            raise ValidationFailed("The quantity must be at least 1.", field=f"items.{index}.quantity")
        merged[line.product_id] = merged.get(line.product_id, 0) + line.quantity
        if merged[line.product_id] > MAX_QUANTITY:
            raise ValidationFailed(
                f"At most {MAX_QUANTITY} units of one product.", field=f"items.{index}.quantity"
            )
    for index, line in enumerate(lines):
        if not is_id(line.product_id):
            raise NotFound(f"There is no such product: items.{index}.productId.")
    return tuple(OrderLine(product, merged[product]) for product in sorted(merged))


def total_of(items: Sequence[OrderItem]) -> Amount:
    """The sum of `items`.

    Raises ValidationFailed where they are priced in several currencies, or come to more than an amount
    may be: 100 lines of 1000 units at the highest price would not fit a bigint.
    """
    if len({item.price.currency for item in items}) > 1:
        raise ValidationFailed(
            "The products are priced in different currencies; order them apart.", field="items"
        )
    total = items[0].total
    for item in items[1:]:
        total = total + item.total
    if total.minor > MAX_MINOR_UNITS:
        raise ValidationFailed(_TOO_MUCH, field="items")
    return total


def price_of(subtotal: Amount, *, shipping: Amount) -> Price:
    """Raises ValidationFailed where both come to more than an amount may be."""
    total = subtotal + shipping
    if total.minor > MAX_MINOR_UNITS:
        raise ValidationFailed(_TOO_MUCH, field="items")
    return Price(subtotal, total)

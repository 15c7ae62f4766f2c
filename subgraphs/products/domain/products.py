"""Products: what one is, and what a new or changed one must fulfil."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NewType, TypedDict

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.images import Image
from subgraphs.products.domain.text import clean, clean_description, clean_sku, clean_tags, generate_sku

ProductId = NewType("ProductId", str)

MAX_NAME = 200
MAX_STOCK = 10**9
MAX_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product with the units that can be ordered now (`available`); held units are not among them."""

    id: ProductId
    sku: str
    name: str
    description: str | None
    price: Amount
    category_id: CategoryId | None
    tags: tuple[str, ...]
    available: int
    active: bool
    deleted: bool
    version: int
    created_at: datetime
    updated_at: datetime
    images: tuple[Image, ...] = ()

    @property
    def sold(self) -> bool:
        """Whether shoppers see it; what is not sold stays readable for the orders that hold it."""
        return self.active and not self.deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """A product as somebody wants it, unchecked.

    Its category is named by `category_id` or by name as `category`, not by both. Without a SKU it gets one
    that is made of the name.
    """

    name: str
    price: Decimal
    currency: str = "USD"
    stock: int = 0
    description: str | None = None
    sku: str | None = None
    category_id: CategoryId | None = None
    category: str | None = None
    tags: Sequence[str] = ()
    active: bool = True

    def product(self, product_id: ProductId, *, at: datetime) -> Product:
        """The product that this describes, in no category unless by id.

        Raises ValidationFailed, naming the first field that does not fit.
        """
        name = clean(self.name, field="name", at_most=MAX_NAME)
        return Product(
            id=product_id,
            name=name,
            description=clean_description(self.description),
            price=Amount.parse(self.price, _currency(self.currency)),
            available=_check_stock(self.stock),
            sku=generate_sku(name) if self.sku is None else clean_sku(self.sku),
            category_id=self.category_id,
            tags=clean_tags(self.tags),
            active=self.active,
            deleted=False,
            version=1,
            created_at=at,
            updated_at=at,
        )


class ProductChanges(TypedDict, total=False):
    """What an update asks for: an absent key leaves the field alone, None clears it."""

    name: str | None
    description: str | None
    price: Decimal | None
    currency: str | None
    stock: int | None
    sku: str | None
    category_id: CategoryId | None
    category: str | None
    tags: Sequence[str] | None
    active: bool | None


_NEVER_EMPTY = ("name", "price", "currency", "stock", "sku", "active")


def revise(product: Product, changes: ProductChanges) -> Product:
    """`product` with `changes`, checked; a category is only taken away here, since a new one must be looked up.

    A new currency alone keeps the amount: 10 EUR from 10 USD. Raises ValidationFailed, also for None in a
    field that cannot be empty.
    """
    for field in _NEVER_EMPTY:
        if field in changes and changes[field] is None:  # type: ignore[literal-required] # a tuple of its keys
            raise ValidationFailed(f"{field} cannot be cleared; leave it out to keep it", field=field)
    if (name := changes.get("name")) is not None:
        product = replace(product, name=clean(name, field="name", at_most=MAX_NAME))
    if "description" in changes:
        product = replace(product, description=clean_description(changes["description"]))
    product = replace(product, price=_reprice(product.price, changes.get("price"), changes.get("currency")))
    if (stock := changes.get("stock")) is not None:
        product = replace(product, available=_check_stock(stock))
    if (sku := changes.get("sku")) is not None:
        product = replace(product, sku=clean_sku(sku))
    if any(changes.get(field, "") is None for field in ("category_id", "category")):
        product = replace(product, category_id=None)
    if "tags" in changes:
        product = replace(product, tags=clean_tags(changes["tags"] or ()))
    if (active := changes.get("active")) is not None:
        product = replace(product, active=active)
    return product


def _reprice(present: Amount, price: Decimal | None, currency: str | None) -> Amount:
    if price is None and currency is None:
        return present
    amount = present.decimal() if price is None else price
    return Amount.parse(amount, present.currency if currency is None else _currency(currency))


def _currency(value: str) -> str:
    return value.strip().upper()


def clean_reason(value: str | None) -> str | None:
    """Why stock is changed by hand, or None where that is blank."""
    if value is None or not value.strip():
        return None
    return clean(value, field="reason", at_most=MAX_REASON, lines=True)


def _check_stock(value: int) -> int:
    if not 0 <= value <= MAX_STOCK:
        raise ValidationFailed(f"stock must be between 0 and {MAX_STOCK}", field="stock")
    return value

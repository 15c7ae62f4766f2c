"""Products and categories: what they are, and what a new or changed one must fulfil."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum
from typing import NewType, Self, TypedDict

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS, Amount
from subgraphs.products.domain.text import clean, clean_sku, clean_tags

ProductId = NewType("ProductId", str)
CategoryId = NewType("CategoryId", str)

MANAGE_PRODUCTS = "MANAGE_PRODUCTS"

MAX_NAME = 200
MAX_DESCRIPTION = 5000
MAX_CATEGORY_NAME = 100
MAX_CATEGORY_DEPTH = 8
MAX_STOCK = 10**9
MAX_FILTER_IDS = 100

# Prices of currencies with 0, 2 and 3 decimals are filtered and sorted on one scale.
_SCALE = 3


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

    @property
    def sold(self) -> bool:
        """Whether shoppers see it; what is not sold stays readable for the orders that hold it."""
        return self.active and not self.deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A node of the category tree; `ancestors` run from the top to the parent."""

    id: CategoryId
    name: str
    slug: str
    description: str | None
    parent_id: CategoryId | None
    ancestors: tuple[CategoryId, ...]


class ProductSort(Enum):
    RELEVANCE = "RELEVANCE"
    NEWEST = "NEWEST"
    NAME = "NAME"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFilter:
    """Which products a list shows. Every category in `within` must hold the product in its subtree."""

    within: tuple[CategoryId, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    in_stock: bool | None = None
    tags: tuple[str, ...] = ()
    active: bool = True
    ids: tuple[ProductId, ...] | None = None

    @classmethod
    def of(
        cls,
        *,
        within: Sequence[CategoryId] = (),
        price_min: Decimal | None = None,
        price_max: Decimal | None = None,
        in_stock: bool | None = None,
        tags: Sequence[str] = (),
        active: bool = True,
        ids: Sequence[ProductId] | None = None,
    ) -> Self:
        """Raises ValidationFailed for an impossible price range, a malformed tag or too many ids."""
        low = None if price_min is None else _bound(price_min, ROUND_CEILING, field="filter.priceMin")
        high = None if price_max is None else _bound(price_max, ROUND_FLOOR, field="filter.priceMax")
        if price_min is not None and price_max is not None and price_min > price_max:
            raise ValidationFailed(
                "filter.priceMin must not be above filter.priceMax", field="filter.priceMin"
            )
        if ids is not None and len(ids) > MAX_FILTER_IDS:
            raise ValidationFailed(f"filter.ids may hold at most {MAX_FILTER_IDS}", field="filter.ids")
        return cls(
            within=tuple(within),
            price_min=low,
            price_max=high,
            in_stock=in_stock,
            tags=clean_tags(tags, field="filter.tags"),
            active=active,
            ids=None if ids is None else tuple(ids),
        )


def _bound(value: Decimal, rounding: str, *, field: str) -> int:
    # The size is looked at before the integer is built: 1e999999 would take minutes.
    if not value.is_finite() or value.adjusted() > len(str(MAX_MINOR_UNITS)) or value < 0:
        raise ValidationFailed(f"{field} must be an amount of 0 or more", field=field)
    return int(value.scaleb(_SCALE).to_integral_value(rounding))


def price_rank(price: Amount) -> int:
    """Thousandths of the major unit, whatever the currency: what prices are sorted and filtered by.

    Amounts are compared as numbers; nothing is converted.
    """
    return int(price.minor * 10 ** (_SCALE - EXPONENTS[price.currency]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDraft:
    """The checked fields of a product that is to be created; without a SKU one is generated."""

    name: str
    description: str | None
    price: Amount
    stock: int
    sku: str | None
    tags: tuple[str, ...]
    active: bool

    def product(self, id: ProductId, *, sku: str, category_id: CategoryId | None, at: datetime) -> Product:  # noqa: A002 - the field's name
        """The new product that this describes."""
        return Product(
            id=id,
            sku=sku,
            name=self.name,
            description=self.description,
            price=self.price,
            category_id=category_id,
            tags=self.tags,
            available=self.stock,
            active=self.active,
            deleted=False,
            version=1,
            created_at=at,
            updated_at=at,
        )

    @classmethod
    def of(
        cls,
        *,
        name: str,
        description: str | None,
        price: Decimal,
        currency: str,
        stock: int,
        sku: str | None,
        tags: Sequence[str],
        active: bool,
    ) -> Self:
        """Raises ValidationFailed, naming the first field that does not fit."""
        return cls(
            name=clean(name, field="name", at_most=MAX_NAME),
            description=clean_description(description),
            price=Amount.parse(price, currency.strip().upper()),
            stock=check_stock(stock),
            sku=None if sku is None else clean_sku(sku),
            tags=clean_tags(tags),
            active=active,
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
    tags: Sequence[str] | None
    active: bool | None


_NEVER_EMPTY = ("name", "price", "currency", "stock", "sku", "active")


def revise(product: Product, changes: ProductChanges) -> Product:
    """`product` with `changes`, checked. A new currency alone keeps the amount: 10 EUR from 10 USD.

    Raises ValidationFailed, also for None in a field that cannot be empty.
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
        product = replace(product, available=check_stock(stock))
    if (sku := changes.get("sku")) is not None:
        product = replace(product, sku=clean_sku(sku))
    if "category_id" in changes:
        product = replace(product, category_id=changes["category_id"])
    if "tags" in changes:
        product = replace(product, tags=clean_tags(changes["tags"] or ()))
    if (active := changes.get("active")) is not None:
        product = replace(product, active=active)
    return product


def _reprice(present: Amount, price: Decimal | None, currency: str | None) -> Amount:
    if price is None and currency is None:
        return present
    amount = present.decimal() if price is None else price
    return Amount.parse(amount, present.currency if currency is None else currency.strip().upper())


def clean_description(value: str | None) -> str | None:
    """The text, or None where it is blank: a form sends an empty field as an empty string."""
    if value is None or not value.strip():
        return None
    return clean(value, field="description", at_most=MAX_DESCRIPTION, lines=True)


def check_stock(value: int) -> int:
    if not 0 <= value <= MAX_STOCK:
        raise ValidationFailed(f"stock must be between 0 and {MAX_STOCK}", field="stock")
    return value

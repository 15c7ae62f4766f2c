"""Lists of products: which ones, in which order, and where a page begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Self

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.pagination import Key, decode_cursor
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.prices import highest_rank, lowest_rank, price_rank
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.text import clean_tags, fold

MAX_FILTER_IDS = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_INTEGER = 2**62  # BSON's integers end at 2^63


class ProductSort(Enum):
    RELEVANCE = "RELEVANCE"
    NEWEST = "NEWEST"
    NAME = "NAME"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFilter:
    """Which products a list shows. Prices are ranks; `category_id` (or a slug or a name) stands for its whole subtree."""

    category_id: CategoryId | None = None
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
        category_id: CategoryId | None = None,
        price_min: Decimal | None = None,
        price_max: Decimal | None = None,
        in_stock: bool | None = None,
        tags: Sequence[str] = (),
        active: bool = True,
        ids: Sequence[ProductId] | None = None,
    ) -> Self:
        """Raises ValidationFailed for an impossible price range, a malformed tag or too many ids."""
        lowest = lowest_rank(price_min, field="filter.priceMin")
        highest = highest_rank(price_max, field="filter.priceMax")
        if price_min is not None and price_max is not None and price_min > price_max:
            raise ValidationFailed(
                "filter.priceMin must not be above filter.priceMax", field="filter.priceMin"
            )
        if ids is not None and len(ids) > MAX_FILTER_IDS:
            raise ValidationFailed(f"filter.ids may hold at most {MAX_FILTER_IDS}", field="filter.ids")
        return cls(
            category_id=category_id,
            price_min=lowest,
            price_max=highest,
            in_stock=in_stock,
            tags=clean_tags(tags, field="filter.tags"),
            active=active,
            ids=None if ids is None else tuple(ids),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is asked of a list: which products, in which order, how many, after which cursor."""

    filter: ProductFilter
    sort: ProductSort
    first: int
    after: str | None

    @property
    def order(self) -> ProductSort:
        """The order that is served: without a search there is no relevance, so newest first."""
        return ProductSort.NEWEST if self.sort is ProductSort.RELEVANCE else self.sort

    def position(self) -> tuple[Any, str] | None:
        """The sort value and id in `after`. Raises ValidationFailed for a cursor that is not of this order."""
        return position(self.order, self.after)


def cursor_key(order: ProductSort, product: Product) -> Key:
    """Names its order too, so that a cursor of one order is refused in another."""
    value: str | int
    match order:
        case ProductSort.NAME:
            value = fold(product.name)
        case ProductSort.PRICE_ASC | ProductSort.PRICE_DESC:
            value = price_rank(product.price)
        case _:
            value = (product.created_at - _EPOCH) // timedelta(milliseconds=1)
    return (order.value, value, product.id)


def position(order: ProductSort, cursor: str | None) -> tuple[Any, str] | None:
    """The sort value (of RELEVANCE, the score) and id in `cursor`.

    Raises ValidationFailed for a cursor that is not of this order.
    """
    key = decode_cursor(cursor, str, str if order is ProductSort.NAME else int, str)
    if key is None:
        return None
    name, value, last_id = key
    refused = ValidationFailed("`after` is a cursor of another order; start again without it.", field="after")
    if name != order.value:
        raise refused
    if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
        raise refused
    if order is ProductSort.NEWEST and isinstance(value, int):
        try:
            return _EPOCH + timedelta(milliseconds=value), str(last_id)
        except OverflowError:
            raise refused from None
    return value, str(last_id)

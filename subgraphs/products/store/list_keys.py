"""The keys that products are listed by: one string for each order, and for each order within a category.

    lists: {newest, name, price, in_newest, in_name, in_price}     of a deleted product {}
    fence: true                                                    of one product in 128, see `store/fences.py`

A key is `active | value | id`, within a category `category | active | value | id`. So what a list selects, where its
page begins and how it is sorted are one range of one index, which every server reads in order: some sort in
memory as soon as an equality stands before the order, and read whatever the range holds, however few are wanted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from subgraphs.kit.mongo.client import Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import Listing, ProductSort
from subgraphs.products.domain.prices import price_rank
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.text import fold

# Below whatever a part may hold, and what follows it: "mug" comes before "mug blue", as names do.
_UNIT, _AFTER = "\x1f", " "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 21  # the ranks of all prices that a filter may name

FENCE_EVERY = 128
"""Of so many products one is a fence."""


def _instant(value: Any) -> str:
    return f"{max(0, (value - _EPOCH) // timedelta(milliseconds=1)):015}"


def _rank(value: Any) -> str:
    return f"{max(0, value):0{_DIGITS}}"


@dataclass(frozen=True, slots=True)
class Order:
    """`key` is the name of its key, and `text` makes a sortable string of the value that it sorts by."""

    key: str
    descending: bool
    text: Callable[[Any], str]


ORDERS: Mapping[ProductSort, Order] = {
    ProductSort.NEWEST: Order("newest", descending=True, text=_instant),
    ProductSort.NAME: Order("name", descending=False, text=str),
    ProductSort.PRICE_ASC: Order("price", descending=False, text=_rank),
    ProductSort.PRICE_DESC: Order("price", descending=True, text=_rank),
}
KEYS = ("newest", "name", "price", "in_newest", "in_name", "in_price")


def list_fields(product: Product) -> Document:
    """What the document of `product` holds of its lists."""
    return {
        "lists": {} if product.deleted else _keys(product),
        **({"fence": True} if is_fence(product.id) else {}),
    }


def is_fence(product_id: ProductId) -> bool:
    return crc32(product_id.encode()) % FENCE_EVERY == 0


def _keys(product: Product) -> dict[str, str]:
    values = {
        "newest": _instant(product.created_at),
        "name": fold(product.name),
        "price": _rank(price_rank(product.price)),
    }
    keys = {
        name: _prefix(None, active=product.active) + value + _UNIT + product.id
        for name, value in values.items()
    }
    if (category := product.category_id) is not None:
        keys |= {f"in_{name}": category + _UNIT + key for name, key in keys.items()}
    return keys


def _prefix(category: CategoryId | None, *, active: bool) -> str:
    return ("" if category is None else category + _UNIT) + str(int(active)) + _UNIT


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys of at least `low` and less than `high`, in their order or the reverse."""

    name: str
    low: str
    high: str
    descending: bool

    @property
    def field(self) -> str:
        return f"lists.{self.name}"

    @property
    def query(self) -> Document:
        return {self.field: {"$gte": self.low, "$lt": self.high}}

    @property
    def sort(self) -> dict[str, int]:
        return {self.field: -1 if self.descending else 1}

    def between(self, low: str, high: str) -> "KeyRange":
        return replace(self, low=low, high=high)


def range_of(listing: Listing, category: CategoryId | None = None) -> KeyRange:
    """What `listing` has in `category` itself, or anywhere, from where its page begins.

    Of its filter, whether products are active, and prices where they are sorted by them.
    """
    order, wanted = ORDERS[listing.order], listing.filter
    prefix = _prefix(category, active=wanted.active)
    low, high = prefix, prefix[:-1] + _AFTER
    if order.key == "price":
        low = low if wanted.price_min is None else prefix + _rank(wanted.price_min)
        high = high if wanted.price_max is None else prefix + _rank(wanted.price_max + 1)
    position: tuple[Any, str] | None = listing.position()
    if position is not None:
        value, last_id = position
        last = prefix + order.text(value) + _UNIT + last_id
        low, high = (low, min(high, last)) if order.descending else (max(low, last + _UNIT), high)
    return KeyRange(order.key if category is None else f"in_{order.key}", low, high, order.descending)


def category_prefix(category: CategoryId) -> str:
    """How the keys within a category begin."""
    return category + _UNIT

"""Facets: how many of the products that a search finds each further choice would leave."""

from bisect import bisect
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import pairwise
from typing import TypeVar

from subgraphs.products.domain.categories import Category, CategoryId
from subgraphs.products.domain.lists import ProductFilter
from subgraphs.products.domain.prices import price_rank
from subgraphs.products.domain.products import Product, ProductId

_Value = TypeVar("_Value", bound=str)

MAX_VALUES = 20
"""Values that a facet shows, those of most products."""

PRICE_BOUNDS = (0, 25_000, 50_000, 100_000, 250_000, 500_000)
"""Where price ranges begin, as ranks, and the one before ends; the last has no end."""


@dataclass(slots=True, kw_only=True)
class Attributes:
    """What a found product is filtered and counted by.

    Not frozen: a search makes hundreds of them, and a frozen one takes eight times as long to make.
    """

    id: ProductId
    category_id: CategoryId | None
    tags: frozenset[str]
    price_rank: int
    active: bool
    deleted: bool

    @classmethod
    def of(cls, product: Product) -> "Attributes":
        return cls(
            id=product.id,
            category_id=product.category_id,
            tags=frozenset(product.tags),
            price_rank=price_rank(product.price),
            active=product.active,
            deleted=product.deleted,
        )


@dataclass(slots=True, kw_only=True)
class SortedAttributes(Attributes):
    """What it is sorted by too, and its stock."""

    name_key: str
    available: int
    created_at: datetime


class Facet(Enum):
    CATEGORY = "category"
    TAGS = "tags"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Prices from `lowest` up to but not including `end`, as ranks; no end where that is None."""

    lowest: int
    end: int | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """The values by falling count, equal counts by value; the ranges by price. None has a count of 0."""

    categories: Sequence[tuple[CategoryId, int]]
    tags: Sequence[tuple[str, int]]
    price_ranges: Sequence[PriceRange]


def fits(
    product: Attributes,
    wanted: ProductFilter,
    *,
    within: Collection[CategoryId] | None,
    ignoring: Facet | None = None,
) -> bool:
    """Whether `product` passes `wanted`, without the filter of the facet `ignoring`, and whatever its stock.

    `within` are the category of the filter and all below it; None for any.
    """
    lowest, highest = wanted.price_min or 0, wanted.price_max
    return (
        not product.deleted
        and product.active is wanted.active
        and (wanted.ids is None or product.id in wanted.ids)
        and (within is None or ignoring is Facet.CATEGORY or product.category_id in within)
        and (not wanted.tags or ignoring is Facet.TAGS or product.tags.issuperset(wanted.tags))
        and (lowest <= product.price_rank or ignoring is Facet.PRICE)
        and (highest is None or product.price_rank <= highest or ignoring is Facet.PRICE)
    )


def fits_stock(available: int, wanted: ProductFilter) -> bool:
    return wanted.in_stock is None or wanted.in_stock is (available > 0)


def facets_of(
    products: Iterable[Attributes],
    wanted: ProductFilter,
    *,
    within: Collection[CategoryId] | None,
    categories: Mapping[CategoryId, Category],
) -> Facets:
    """Counts over `products`, which fit the filter of the stock, each facet without its own filter.

    A category counts what is below it too, as its filter does; `categories` are those of the products.
    """
    found = list(products)
    fitting = [product for product in found if fits(product, wanted, within=within)]
    filtered = {
        Facet.CATEGORY: within is not None,
        Facet.TAGS: bool(wanted.tags),
        Facet.PRICE: wanted.price_min is not None or wanted.price_max is not None,
    }

    def passing(facet: Facet) -> list[Attributes]:
        if not filtered[facet]:
            return fitting
        return [product for product in found if fits(product, wanted, within=within, ignoring=facet)]

    by_category: Counter[CategoryId] = Counter()
    for product in passing(Facet.CATEGORY):
        if product.category_id is not None and (category := categories.get(product.category_id)) is not None:
            by_category.update([*category.ancestors, category.id])
    by_tag = Counter(tag for product in passing(Facet.TAGS) for tag in product.tags)
    by_range = Counter(bisect(PRICE_BOUNDS, product.price_rank) for product in passing(Facet.PRICE))
    ranges = [
        PriceRange(lowest, end, by_range[place])
        for place, (lowest, end) in enumerate(pairwise((*PRICE_BOUNDS, None)), 1)
        if lowest is not None
    ]
    return Facets(
        categories=_most(by_category),
        tags=_most(by_tag),
        price_ranges=[each for each in ranges if each.count],
    )


def _most(counts: Counter[_Value]) -> list[tuple[_Value, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_VALUES]

"""The page of a search: which of the found products, in which order, after which cursor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.ids import is_id
from subgraphs.kit.pagination import Key
from subgraphs.products.domain.lists import ProductFilter, ProductSort, cursor_key, position
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.entries import key_of
from subgraphs.products.domain.search.facets import SortedAttributes
from subgraphs.products.domain.search.query import Query
from subgraphs.products.domain.search.ranking import Hit

MAX_CONSIDERED, MAX_CONSIDERED_FILTERED = 500, 2000
"""The best-ranked products that totals, facets and orders other than relevance are made of, without a filter and
with one. What a search costs is bounded by this, and not by the size of the catalogue."""


@dataclass(frozen=True, slots=True)
class FoundProduct:
    product: Product
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    query: Query
    filter: ProductFilter
    sort: ProductSort
    first: int
    after: str | None

    def position(self) -> tuple[Any, str] | None:
        """Raises ValidationFailed for a cursor of another order."""
        return position(self.sort, self.after)

    @property
    def is_filtered(self) -> bool:
        """Whether more than what is sold and what is not is told apart."""
        return self.filter != ProductFilter(active=self.filter.active)

    @property
    def needs_products(self) -> bool:
        """Whether the products themselves are asked, for what their cards in the index do not tell."""
        return self.filter.in_stock is not None or self.sort is not ProductSort.RELEVANCE

    @property
    def considered(self) -> int:
        return MAX_CONSIDERED_FILTERED if self.is_filtered else MAX_CONSIDERED


def beyond(hits: Sequence[Hit], start: tuple[Any, str] | None) -> Sequence[Hit]:
    """The hits after the one that a cursor of the order by relevance names, which need not be there any more."""
    if start is None:
        return hits
    if not is_id(start[1]):
        raise ValidationFailed(
            "`after` is not a cursor of this search; start again without it.", field="after"
        )
    last = (-start[0], key_of(start[1]))
    return [hit for hit in hits if (-hit.score, hit.key) > last]


def in_order(
    found: Iterable[tuple[Hit, SortedAttributes]], sort: ProductSort, start: tuple[Any, str] | None
) -> list[Hit]:
    """The hits in an order other than by relevance, ties by id, from `start` on."""
    descending = sort in (ProductSort.NEWEST, ProductSort.PRICE_DESC)
    keyed = [((_value(sort, product), product.id), hit) for hit, product in found]
    if start is not None:
        keyed = [pair for pair in keyed if (pair[0] < start if descending else pair[0] > start)]
    return [hit for _, hit in sorted(keyed, key=lambda pair: pair[0], reverse=descending)]


def cursor_of(sort: ProductSort, hit: Hit, product: Product) -> Key:
    if sort is ProductSort.RELEVANCE:
        return (sort.value, hit.score, hit.product_id)
    return cursor_key(sort, product)


def _value(sort: ProductSort, product: SortedAttributes) -> Any:
    match sort:
        case ProductSort.NAME:
            return product.name_key
        case ProductSort.PRICE_ASC | ProductSort.PRICE_DESC:
            return product.price_rank
        case _:
            return product.created_at


def ids_of(hits: Iterable[Hit]) -> list[ProductId]:
    return [hit.product_id for hit in hits]

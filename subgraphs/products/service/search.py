"""Use cases of search."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.pagination import Key, Page, page_size
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import ProductFilter, ProductSort
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.facets import (
    Attributes,
    Facets,
    SortedAttributes,
    facets_of,
    fits,
    fits_stock,
)
from subgraphs.products.domain.search.query import MIN_PREFIX, Part, Query
from subgraphs.products.domain.search.ranking import Hit, rank
from subgraphs.products.domain.search.results import (
    FoundProduct,
    Search,
    beyond,
    cursor_of,
    ids_of,
    in_order,
)
from subgraphs.products.domain.search.spelling import may_be_mistyped
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.store.products import ProductStore
from subgraphs.products.store.search import SearchStore

_MAX_ALTERNATIVES = 8


@dataclass(frozen=True, slots=True)
class SearchPage(Page[FoundProduct]):
    """A page with the facets of its search, which are counted where a client asks for them."""

    facets: Callable[[], Awaitable[Facets]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchService:
    store: SearchStore
    products: ProductStore
    categories: CategoryService

    async def search(self, viewer: Viewer, search: Search, *, with_facets: bool = False) -> SearchPage:
        """One page of what `search` finds; `with_facets` reads what they are counted from beside the page.

        Raises Forbidden when a viewer without MANAGE_PRODUCTS searches what is not sold, ValidationFailed for a
        bad size or cursor.
        """
        if not search.filter.active:
            viewer.require(Permission.MANAGE_PRODUCTS)
        size, start = page_size(search.first), search.position()
        hits = await self._hits(search)
        results = _Results(self, search, hits)
        page = self._rows(search, results, await results.ordered(start), limit=size + 1)
        rows = (await asyncio.gather(page, results.attributes()))[0] if with_facets else await page
        return SearchPage(
            rows=rows[:size],
            has_next=len(rows) > size,
            has_previous=start is not None,
            total=results.count,
            facets=results.facets,
        )

    async def suggest(self, prefix: str, *, first: int) -> list[str]:
        """`prefix` with its last word completed to what names, categories and tags of products say.

        Nothing for a last word of less than two letters. After other words, only what finds a product together
        with them. Raises ValidationFailed for a bad size and as a query does.
        """
        size = page_size(first)
        last = Query.parse(prefix).parts[-1].word
        if len(last) < MIN_PREFIX:
            return []
        before = " ".join(prefix.split()[:-1])
        words = await self.store.completions(last, limit=size)
        texts = [f"{before} {word}".strip() for word in words]
        if not before:
            return texts
        queries = [Query.parse(text) for text in texts]
        terms = {term for query in queries for term in query.terms(active=True)}
        postings = await self.store.postings(terms)
        return [
            text
            for text, query in zip(texts, queries, strict=True)
            if not query.unknown(postings, active=True) and rank(query, postings, active=True)
        ]

    async def _hits(self, search: Search) -> list[Hit]:
        """What the index finds, words that no product has completed or corrected first."""
        query, active = search.query, search.filter.active
        postings = await self.store.postings(query.terms(active=active))
        if unknown := query.unknown(postings, active=active):
            query = query.replacing({place: await self._guessed(query, place) for place in unknown})
            missing = set(query.terms(active=active)) - postings.keys()
            postings = {**postings, **await self.store.postings(missing)}
        return rank(query, postings, active=active)

    async def _guessed(self, query: Query, place: int) -> Part:
        """The part with the words that may have been meant: the last one may be unfinished, a long one mistyped."""
        part = query.parts[place]
        if place == len(query.parts) - 1 and len(part.word) >= MIN_PREFIX:
            part = part.completed_by(await self.store.completions(part.word, limit=_MAX_ALTERNATIVES))
        if may_be_mistyped(part.word):
            part = part.corrected_to(await self.store.corrections(part.word, limit=_MAX_ALTERNATIVES))
        return part

    async def _rows(
        self, search: Search, results: "_Results", ordered: Sequence[Hit], *, limit: int
    ) -> list[tuple[FoundProduct, Key]]:
        """The first `limit` products of `ordered`. The index follows the catalogue; what no longer fits is left out."""
        rows: list[tuple[FoundProduct, Key]] = []
        within = await results.within()
        for begin in range(0, len(ordered), limit):
            hits = ordered[begin : begin + limit]
            for hit, product in zip(hits, await self.products.get_many(ids_of(hits)), strict=True):
                if product is not None and _is_shown(product, search.filter, within=within):
                    found = FoundProduct(product, hit.score / 1000)
                    rows.append((found, cursor_of(search.sort, hit, product)))
            if len(rows) >= limit:
                break
        return rows[:limit]


class _Results:
    """What one search has found, with the attributes of the products that it considers, read when first needed."""

    def __init__(self, service: SearchService, search: Search, hits: Sequence[Hit]) -> None:
        self._service = service
        self._search = search
        self._hits = hits
        self._considered = hits[: search.considered]
        self._attributes: Mapping[ProductId, Attributes] | None = None
        self._sorted: Mapping[ProductId, SortedAttributes] = {}
        self._within: Collection[CategoryId] | None = None

    async def ordered(self, start: tuple[Any, str] | None) -> Sequence[Hit]:
        """What is found, as it is sorted, after the position `start`."""
        sort = self._search.sort
        if sort is ProductSort.RELEVANCE:
            return beyond(await self._passing() if self._search.is_filtered else self._hits, start)
        return in_order([(hit, self._sorted[hit.product_id]) for hit in await self._passing()], sort, start)

    async def count(self) -> int:
        return len(await self._passing()) if self._search.is_filtered else len(self._hits)

    async def facets(self) -> Facets:
        attributes, within = await self.attributes(), await self.within()
        ids = sorted({each.category_id for each in attributes.values() if each.category_id is not None})
        found = await self._service.categories.get_many(ids) if ids else []
        categories = {category.id: category for category in found if category is not None}
        return facets_of(attributes.values(), self._search.filter, within=within, categories=categories)

    async def within(self) -> Collection[CategoryId] | None:
        """The category of the filter and all below it; None without one."""
        root = self._search.filter.category_id
        if root is not None and self._within is None:
            self._within = await self._service.categories.within(root)
        return self._within

    async def attributes(self) -> Mapping[ProductId, Attributes]:
        """Those of the products considered, the stock of which fits."""
        if self._attributes is None:
            store, ids = self._service.store, ids_of(self._considered)
            if self._search.needs_products:
                found = await store.attributes(ids)
                wanted = self._search.filter
                self._sorted = {i: each for i, each in found.items() if fits_stock(each.available, wanted)}
                self._attributes = self._sorted
            else:
                self._attributes = await store.cards(ids)
        return self._attributes

    async def _passing(self) -> list[Hit]:
        attributes, within = await self.attributes(), await self.within()
        return [
            hit
            for hit in self._considered
            if hit.product_id in attributes
            and fits(attributes[hit.product_id], self._search.filter, within=within)
        ]


def _is_shown(product: Product, wanted: ProductFilter, *, within: Collection[CategoryId] | None) -> bool:
    return fits(Attributes.of(product), wanted, within=within) and fits_stock(product.available, wanted)

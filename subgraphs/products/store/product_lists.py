"""Lists over the `products` collection: pages by ranges of keys (`list_keys`), in steps that `fences` bound.

What the keys do not tell (stock, tags, prices beside another order) is asked of the products in a range. The
conditions of one `$match` are those of one index, since some servers read the whole collection for any further one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import Listing, ProductFilter, ProductSort, cursor_key
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.store.fences import FenceKeys, Fences
from subgraphs.products.store.list_counts import ListCounts
from subgraphs.products.store.list_keys import ORDERS, KeyRange, range_of
from subgraphs.products.store.products import READ, product_of

Subtrees = Mapping[CategoryId, Collection[CategoryId]]

_LARGE = 4 * 128
"""A category of more products than about so many is read by itself; those of fewer together, in one command."""

_LOOKED_THROUGH = 1000
"""After so many products a page that is not full looks for the rest where its filter leaves the fewest."""

_LARGEST_INTEGER = 2**63 - 1


class ProductListStore:
    def __init__(self, database: Database, *, fences: Fences | None = None) -> None:
        self._products = database["products"]
        self._fences = fences or Fences(self._products)
        self._counts = ListCounts(self._products)

    async def page(
        self, listing: Listing, *, categories: Collection[CategoryId] | None, limit: int
    ) -> list[Product]:
        """Up to `limit` products from where the page begins, in order, ties broken by id.

        `categories` are those that a product may be in; None for any.
        """
        wanted = listing.filter
        if wanted.ids is not None:
            conditions = _conditions(listing, categories)
            return await self._among(_chosen(wanted.ids), range_of(listing), conditions, limit)
        whole, fences = range_of(listing), await self._fences.read()
        if categories is None or _are_most(categories, whole, fences):
            return await self._in_range(listing, whole, fences, categories=categories, limit=limit)
        found = await self._in_categories(listing, fences, categories, limit)
        return _merged(found.values(), listing, limit)

    async def pages(
        self, listing: Listing, *, subtrees: Subtrees, limit: int
    ) -> dict[CategoryId, list[Product]]:
        """The same page of the list of each category. `subtrees` are the categories of each list.

        One command for each category that is large, and one for all the others.
        """
        everywhere = {category for categories in subtrees.values() for category in categories}
        if (ids := listing.filter.ids) is not None:
            found = _by_category(await self.page(listing, categories=everywhere, limit=len(ids) + 1))
        else:
            found = await self._in_categories(listing, await self._fences.read(), everywhere, limit)
        return {
            root: _merged([found.get(category, []) for category in categories], listing, limit)
            for root, categories in subtrees.items()
        }

    async def count(self, wanted: ProductFilter, *, categories: Collection[CategoryId] | None) -> int:
        """How many products the list has, as `ListCounts` says how exactly."""
        if categories is not None or wanted.ids is not None:
            return sum((await self._counted(wanted, categories)).values())
        listing = _from_its_beginning(wanted)
        whole = range_of(listing)
        length = (await self._fences.read()).length(whole)
        return await self._counts.in_range(whole, _conditions(listing, None), length=length)

    async def counts(self, wanted: ProductFilter, *, subtrees: Subtrees) -> dict[CategoryId, int]:
        """How many products the list of each category has, by one command."""
        everywhere = {category for categories in subtrees.values() for category in categories}
        within = await self._counted(wanted, everywhere)
        return {root: sum(within.get(c, 0) for c in categories) for root, categories in subtrees.items()}

    async def _counted(
        self, wanted: ProductFilter, categories: Collection[CategoryId] | None
    ) -> Mapping[CategoryId | None, int]:
        listing = _from_its_beginning(wanted)
        whole = range_of(listing)
        if wanted.ids is not None:
            query, length = _chosen(wanted.ids), 0
        else:
            query = {"category_id": {"$in": sorted(categories or ())}}
            fences = await self._fences.read()
            length = sum(fences.length_of(category) for category in categories or ())
        conditions = {**whole.query, **_conditions(listing, categories)}
        return await self._counts.by_category(query, conditions, length=length)

    async def _in_categories(
        self, listing: Listing, fences: FenceKeys, categories: Collection[CategoryId], limit: int
    ) -> dict[CategoryId, list[Product]]:
        """The first `limit` products of each of `categories` from where the page begins."""
        alone = len(categories) == 1
        large = [c for c in categories if alone or fences.length_of(c) > _LARGE]
        small = set(categories).difference(large)
        together, *apart = await asyncio.gather(
            self._in_small(listing, small, limit),
            *(self._page_of(c, listing, fences, limit) for c in large),
        )
        for page in apart:
            together |= page
        return together

    async def _page_of(
        self, category: CategoryId, listing: Listing, fences: FenceKeys, limit: int
    ) -> dict[CategoryId, list[Product]]:
        whole = range_of(listing, category)
        return {category: await self._in_range(listing, whole, fences, limit=limit)}

    async def _in_small(
        self, listing: Listing, categories: Collection[CategoryId], limit: int
    ) -> dict[CategoryId, list[Product]]:
        if not categories:
            return {}
        whole = range_of(listing)
        top = {"n": limit, "sortBy": whole.sort, "output": "$$ROOT"}
        pipeline: list[Document] = [
            {"$match": {"category_id": {"$in": sorted(categories)}}},
            {"$match": {**whole.query, **_conditions(listing, None)}},
            {"$group": {"_id": "$category_id", "first": {"$topN": top}}},
            {"$project": {f"first.{field}": 0 for field in READ}},
        ]
        cursor = self._products.aggregate(pipeline, batchSize=len(categories) + 1)
        return {d["_id"]: [product_of(each) for each in d["first"]] async for d in cursor}

    async def _in_range(
        self,
        listing: Listing,
        whole: KeyRange,
        fences: FenceKeys,
        *,
        categories: Collection[CategoryId] | None = None,
        limit: int,
    ) -> list[Product]:
        """The first `limit` products of `whole` that pass the filter, range by range until they are found."""
        conditions = _conditions(listing, categories)
        found: list[Product] = []
        looked_through = 0
        for part in fences.parts(whole):
            left = limit - len(found)
            few = _few(listing) if looked_through > _LOOKED_THROUGH else None
            if few is not None:
                start, end = (whole.low, part.high) if whole.descending else (part.low, whole.high)
                return found + await self._among(few, whole.between(start, end), conditions, left)
            if conditions:
                found += await self._among(part.query, part, conditions, left)
            else:
                cursor = self._products.find(part.query, READ, batch_size=left + 1)
                cursor = cursor.sort(list(part.sort.items())).limit(left)
                found += [product_of(d) for d in await cursor.to_list(left)]
            if len(found) >= limit:
                break
            looked_through += fences.length(part)
        return found

    async def _among(
        self, query: Document, part: KeyRange, conditions: Document, limit: int
    ) -> list[Product]:
        """The first `limit` products of `part` that `query` selects, by an index, and that fulfil `conditions`."""
        cursor = self._products.aggregate(
            [
                {"$match": query},
                {"$match": {**part.query, **conditions}},
                {"$sort": part.sort},
                {"$limit": limit},
                {"$project": READ},
            ],
            batchSize=limit + 1,
        )
        return [product_of(d) for d in await cursor.to_list(limit)]


def _by_category(products: Iterable[Product]) -> dict[CategoryId, list[Product]]:
    found: defaultdict[CategoryId, list[Product]] = defaultdict(list)
    for product in products:
        if product.category_id is not None:
            found[product.category_id].append(product)
    return found


def _chosen(ids: Sequence[ProductId]) -> Document:
    return {"_id": {"$in": list(ids)}}


def _from_its_beginning(wanted: ProductFilter) -> Listing:
    """Of a list that is counted, in the order whose key tells most: prices, where the filter has some."""
    by_price = wanted.price_min is not None or wanted.price_max is not None
    sort = ProductSort.PRICE_ASC if by_price else ProductSort.NEWEST
    return Listing(filter=wanted, sort=sort, first=1, after=None)


def _conditions(listing: Listing, categories: Collection[CategoryId] | None) -> Document:
    """What a range of keys does not tell of the products in it."""
    wanted = listing.filter
    conditions: Document = {}
    if categories is not None:
        conditions["category_id"] = {"$in": sorted(categories)}
    if ORDERS[listing.order].key != "price" and (price := _price(wanted)):
        conditions["price_rank"] = price
    if wanted.in_stock is not None:
        conditions["available"] = {"$gt": 0} if wanted.in_stock else 0
    if wanted.tags:
        conditions["tags"] = {"$all": list(wanted.tags)}
    return conditions


def _few(listing: Listing) -> Document | None:
    """What selects few products, by an index, where a page has looked at many and found few; None for nothing."""
    wanted = listing.filter
    if wanted.tags:
        return {"tags": wanted.tags[0]}
    by_price = range_of(replace(listing, sort=ProductSort.PRICE_ASC, after=None))
    return by_price.query if _price(wanted) else None


def _price(wanted: ProductFilter) -> Document:
    price = {"$gte": wanted.price_min, "$lte": wanted.price_max}
    return {k: min(v, _LARGEST_INTEGER) for k, v in price.items() if v is not None}


def _are_most(categories: Collection[CategoryId], whole: KeyRange, fences: FenceKeys) -> bool:
    """Whether a page of everything, less what is elsewhere, reads fewer products than one page of each."""
    within = sum(fences.length_of(category) for category in categories)
    return len(categories) > 1 and 0 < fences.length(whole) <= within * len(categories)


def _merged(pages: Iterable[Sequence[Product]], listing: Listing, limit: int) -> list[Product]:
    """The first `limit` of several pages in the same order."""
    products = [product for page in pages for product in page]
    products.sort(key=lambda p: cursor_key(listing.order, p)[1:], reverse=ORDERS[listing.order].descending)
    return products[:limit]

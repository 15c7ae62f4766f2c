"""Lists over the `products` collection; see `store/products.py` for the documents."""

from collections.abc import Collection, Mapping
from typing import Any

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import Listing, ProductFilter, ProductSort
from subgraphs.products.domain.products import Product
from subgraphs.products.store.products import READ, product_of

Subtrees = Mapping[CategoryId, Collection[CategoryId]]

# The field that a list is ordered by, and whether descending.
_ORDERS: dict[ProductSort, tuple[str, bool]] = {
    ProductSort.NEWEST: ("created_at", True),
    ProductSort.NAME: ("name_key", False),
    ProductSort.PRICE_ASC: ("price_rank", False),
    ProductSort.PRICE_DESC: ("price_rank", True),
}


class ProductListStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]

    async def page(
        self, listing: Listing, *, categories: Collection[CategoryId] | None, limit: int
    ) -> list[Product]:
        """Up to `limit` products from where the page begins, in order, ties broken by id.

        `categories` are those that a product may be in; None for any.
        """
        query = _beyond(_query(listing.filter, categories), listing)
        cursor = self._products.find(query, READ, batch_size=limit + 1)
        cursor = cursor.sort(_sort(listing)).limit(limit)
        return [product_of(d) async for d in cursor]

    async def count(self, wanted: ProductFilter, *, categories: Collection[CategoryId] | None) -> int:
        return await self._products.count_documents(_query(wanted, categories))

    async def pages(
        self, listing: Listing, *, subtrees: Subtrees, limit: int
    ) -> dict[CategoryId, list[Product]]:
        """The same page of the list of each category, by one command. `subtrees` are the categories of each list.

        One branch a list, each with its own limit: an index serves it, and what lies in two lists is in both.
        """
        branches: list[list[Document]] = [
            [
                {"$match": _beyond(_query(listing.filter, categories), listing)},
                {"$sort": dict(_sort(listing))},
                {"$limit": limit},
                {"$project": READ},
                {"$set": {"list": {"$literal": root}}},
            ]
            for root, categories in subtrees.items()
            if categories  # a category that does not exist has no list
        ]
        pages: dict[CategoryId, list[Product]] = {root: [] for root in subtrees}
        if not branches:
            return pages
        first, *others = branches
        unions = [{"$unionWith": {"coll": self._products.name, "pipeline": branch}} for branch in others]
        # One batch, where it fits into a reply, so that one command is one round trip.
        cursor = self._products.aggregate([*first, *unions], batchSize=limit * len(branches) + 1)
        async for document in cursor:
            pages[document["list"]].append(product_of(document))
        return pages

    async def counts(self, wanted: ProductFilter, *, subtrees: Subtrees) -> dict[CategoryId, int]:
        """How many products the list of each category has, by one command."""
        everywhere = {category for categories in subtrees.values() for category in categories}
        group = {"$group": {"_id": "$category_id", "count": {"$sum": 1}}}
        cursor = self._products.aggregate([{"$match": _query(wanted, everywhere)}, group])
        within = {d["_id"]: int(d["count"]) async for d in cursor}
        return {root: sum(within.get(c, 0) for c in categories) for root, categories in subtrees.items()}


def _query(wanted: ProductFilter, categories: Collection[CategoryId] | None) -> Document:
    query: Document = {"active": wanted.active, "deleted": False}
    if categories is not None:
        query["category_id"] = {"$in": sorted(categories)}
    price = {"$gte": wanted.price_min, "$lte": wanted.price_max}
    if price := {k: v for k, v in price.items() if v is not None}:
        query["price_rank"] = price
    if wanted.in_stock is not None:
        query["available"] = {"$gt": 0} if wanted.in_stock else 0
    if wanted.tags:
        query["tags"] = {"$all": list(wanted.tags)}
    if wanted.ids is not None:
        query["_id"] = {"$in": list(wanted.ids)}
    return query


def _beyond(query: Document, listing: Listing) -> Document:
    """`query`, less what comes before the page."""
    position: tuple[Any, str] | None = listing.position()
    if position is None:
        return query
    value, last_id = position
    by, descending = _ORDERS[listing.order]
    beyond = "$lt" if descending else "$gt"
    # The outer bound is what an index range can serve; the inner part leaves out the ties before it.
    keyset = {by: {f"{beyond}e": value}, "$or": [{by: {beyond: value}}, {"_id": {beyond: last_id}}]}
    return {"$and": [query, keyset]}


def _sort(listing: Listing) -> list[tuple[str, int]]:
    by, descending = _ORDERS[listing.order]
    direction = -1 if descending else 1
    return [(by, direction), ("_id", direction)]

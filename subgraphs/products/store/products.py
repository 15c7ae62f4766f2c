"""The `products` collection.

    _id, sku, sku_key, name, name_key, description, price_minor, currency, price_rank, category_id, tags,
    active, deleted, version, created_at, updated_at,
    available, holds: [{rid, q, at}],      on hand = available + the sum of the holds
    outbox: [event], publish_after

`sku_key` and `name_key` are folded, for comparison without case on any server and collation.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from subgraphs.kit.events.event import Event
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.mongo.client import Database, Document
from subgraphs.kit.mongo.outbox import emitting, with_outbox
from subgraphs.products.domain.catalogue import (
    MAX_STOCK,
    CategoryId,
    Product,
    ProductFilter,
    ProductId,
    price_rank,
)
from subgraphs.products.domain.text import fold

# Of a product that sells well the holds are most of the document, and no reader of the catalogue needs them.
_READ: Document = {"holds": 0, "outbox": 0, "publish_after": 0}


class ProductStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]

    async def get_many(self, ids: Sequence[ProductId]) -> list[Product | None]:
        """One query, whatever the number of ids."""
        wanted = list(dict.fromkeys(ids))
        # The batch has room to spare: after a full one the driver asks once more whether that was all.
        cursor = self._products.find({"_id": {"$in": wanted}}, _READ, batch_size=len(wanted) + 1)
        found = {d["_id"]: product_of(d) async for d in cursor}
        return [found.get(i) for i in ids]

    async def get_by_sku(self, sku: str) -> Product | None:
        document = await self._products.find_one({"sku_key": fold(sku)}, _READ)
        return product_of(document) if document else None

    async def page(
        self,
        selection: Document,
        *,
        by: str,
        descending: bool,
        after: tuple[Any, str] | None,
        limit: int,
    ) -> list[Product]:
        """Up to `limit` products of `selection` in the order of the field `by`, ties broken by id.

        `after` is the field's value and the id of the last product before the page.
        """
        if after is not None:
            value, last_id = after
            beyond = "$lt" if descending else "$gt"
            # The outer bound is what an index range can serve; the inner part leaves out the ties before it.
            keyset = {by: {f"{beyond}e": value}, "$or": [{by: {beyond: value}}, {"_id": {beyond: last_id}}]}
            selection = {"$and": [selection, keyset]}
        direction = -1 if descending else 1
        cursor = self._products.find(selection, _READ, batch_size=limit + 1)
        cursor = cursor.sort([(by, direction), ("_id", direction)]).limit(limit)
        return [product_of(d) async for d in cursor]

    async def count(self, selection: Document) -> int:
        return await self._products.count_documents(selection)

    async def insert(self, product: Product, event: Event) -> None:
        """Raises DuplicateKeyError when another product has the SKU."""
        outbox = with_outbox(event, at=product.created_at)
        await self._products.insert_one(new_document(product) | outbox)

    async def replace(self, product: Product, *, expected: int, stock: bool, event: Event) -> Product | None:
        """Write `product` over version `expected`; None when the stored version is another.

        `available` is written only where `stock` says so: reservations change it without a new version.
        Raises DuplicateKeyError when another product has the SKU.
        """
        fields = _fields(product) | ({"available": product.available} if stock else {})
        document = await self._products.find_one_and_update(
            {"_id": product.id, "version": expected, "deleted": False},
            emitting({"$set": fields}, event, at=product.updated_at),
            projection=_READ,
            return_document=ReturnDocument.AFTER,
        )
        return product_of(document) if document else None

    async def adjust(
        self, product_id: ProductId, delta: int, *, event: Event, at: datetime
    ) -> Product | None:
        """Add `delta` to the available units; None when the product is gone or the result out of bounds."""
        document = await self._products.find_one_and_update(
            {"_id": product_id, "deleted": False, "available": {"$gte": -delta, "$lte": MAX_STOCK - delta}},
            emitting({"$inc": {"available": delta}, "$set": {"updated_at": at}}, event, at=at),
            projection=_READ,
            return_document=ReturnDocument.AFTER,
        )
        return product_of(document) if document else None


def select(wanted: ProductFilter, *, category_ids: Iterable[CategoryId] | None) -> Document:
    """The query of a filter, whose categories are given with their subtrees; None for any category."""
    query: Document = {"active": wanted.active, "deleted": False}
    if category_ids is not None:
        query["category_id"] = {"$in": list(category_ids)}
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


def new_document(product: Product) -> Document:
    """The document of a product that nobody holds; its outbox is for the caller to add."""
    return {
        "_id": product.id,
        **_fields(product),
        "available": product.available,
        "holds": [],
        "created_at": product.created_at,
    }


def _fields(product: Product) -> Document:
    return {
        "sku": product.sku,
        "sku_key": fold(product.sku),
        "name": product.name,
        "name_key": fold(product.name),
        "description": product.description,
        "price_minor": product.price.minor,
        "currency": product.price.currency,
        "price_rank": price_rank(product.price),
        "category_id": product.category_id,
        "tags": list(product.tags),
        "active": product.active,
        "deleted": product.deleted,
        "version": product.version,
        "updated_at": product.updated_at,
    }


def product_of(document: Document) -> Product:
    return Product(
        id=document["_id"],
        sku=document["sku"],
        name=document["name"],
        description=document["description"],
        price=Amount(MinorUnits(document["price_minor"]), document["currency"]),
        category_id=document["category_id"],
        tags=tuple(document["tags"]),
        available=document["available"],
        active=document["active"],
        deleted=document["deleted"],
        version=document["version"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
    )

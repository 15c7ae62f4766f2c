"""The `products` collection.

    _id, sku, sku_key, name, name_key, description, price_minor, currency, price_rank, category_id, tags,
    images: [{id, alt, width, height}],                    files in `store/images.py`; absent of old products
    active, deleted, version, created_at, updated_at,
    available, holds: [{rid, q, at, id?, restored?}],      on_hand = available + the sum of the holds
    outbox: [event], publish_after,
    on_hand, movements, movements_pending                         see store/movements.py
    search_version, search_entries, search_pending        see store/search_index.py
    lists, fence                                          see store/list_keys.py

`sku_key` and `name_key` are folded, for comparison without case on any server and collation. The holds are
the business of `store/holds.py`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from pymongo.errors import BulkWriteError

from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError
from subgraphs.kit.mongo.conditional import when
from subgraphs.kit.mongo.outbox import emitting, with_outbox
from subgraphs.products.domain.errors import SkuTaken
from subgraphs.products.domain.events import product_updated, stock_adjusted
from subgraphs.products.domain.images import Image, ImageId
from subgraphs.products.domain.movements import Movement, MovementKind
from subgraphs.products.domain.prices import price_rank
from subgraphs.products.domain.products import MAX_STOCK, Product, ProductId
from subgraphs.products.domain.text import fold, sku_key
from subgraphs.products.store.list_keys import list_fields
from subgraphs.products.store.movements import recording, with_movements
from subgraphs.products.store.product_cache import ProductCache

# Of a product that sells well the holds are most of the document, of any other its terms in the search index, and
# no reader of the catalogue needs them.
READ: Document = {
    "holds": 0,
    "outbox": 0,
    "publish_after": 0,
    "on_hand": 0,
    "movements": 0,
    "movements_pending": 0,
    "search_version": 0,
    "search_entries": 0,
    "search_pending": 0,
    "lists": 0,
    "fence": 0,
}

SEARCH_NEW: Document = {"search_version": 0}
"""Fields of a new document: the search index does not have it yet."""

SEARCH_CHANGED: Document = {"search_version": -1}
"""What `$inc` adds to in every change of what is searched: the search index is to follow."""

_DUPLICATE_KEY = 11000
_WRITES_AT_ONCE = 8


class ProductStore:
    """`wake_up` is called after an event was written. What `cache` has of a product that is written is outdated then."""

    def __init__(
        self, database: Database, *, wake_up: Callable[[], None], cache: ProductCache | None = None
    ) -> None:
        self._products = database["products"]
        self._wake_up = wake_up
        self._cache = cache

    async def get_many(self, ids: Sequence[ProductId]) -> list[Product | None]:
        """One query, whatever the number of ids."""
        wanted = list(dict.fromkeys(ids))
        # The batch has room to spare: after a full one the driver asks once more whether that was all.
        cursor = self._products.find({"_id": {"$in": wanted}}, READ, batch_size=len(wanted) + 1)
        found = {d["_id"]: product_of(d) for d in await cursor.to_list(None)}
        return [found.get(i) for i in ids]

    async def get(self, product_id: ProductId) -> Product | None:
        return (await self.get_many([product_id]))[0]

    async def get_by_sku(self, sku: str) -> Product | None:
        """Whatever the case of `sku`; what cannot be a SKU is not looked for."""
        key = sku_key(sku)
        document = None if key is None else await self._products.find_one({"sku_key": key}, READ)
        return product_of(document) if document else None

    async def insert(self, product: Product, *, actor: str | None = None) -> None:
        """Raises SkuTaken."""
        try:
            await self._products.insert_one(_new_document(product, actor=actor))
        except DuplicateKeyError as error:
            raise SkuTaken(product.sku) from error
        self._wake_up()

    async def shown_images(self, images: Sequence[ImageId]) -> set[ImageId]:
        """Those of `images` that some product has, a deleted one too."""
        query = {"images.id": {"$in": list(images)}}
        return {
            image["id"] async for d in self._products.find(query, {"images.id": 1}) for image in d["images"]
        }

    async def get_by_skus(self, skus: Sequence[str]) -> list[Product | None]:
        """One query, whatever the number of SKUs and their case; None for what no product has, or none can have."""
        keys = [sku_key(sku) for sku in skus]
        wanted = [key for key in dict.fromkeys(keys) if key is not None]
        cursor = self._products.find({"sku_key": {"$in": wanted}}, READ, batch_size=len(wanted) + 1)
        found = {d["sku_key"]: product_of(d) async for d in cursor}
        return [None if key is None else found.get(key) for key in keys]

    async def page_by_sku(self, *, after: str, limit: int) -> list[Product]:
        """Products in the order of their SKUs, beyond that of `after`; also those that are not sold or deleted.

        One condition, on the index that has the order: MongoDB streams that.
        """
        cursor = self._products.find({"sku_key": {"$gt": sku_key(after) or ""}}, READ, batch_size=limit + 1)
        return [product_of(d) async for d in cursor.sort("sku_key", 1).limit(limit)]

    async def insert_missing(self, products: Sequence[Product], *, actor: str | None = None) -> list[Product]:
        """Add those whose SKU is free, and return them; one that somebody has added meanwhile stays as it is."""
        taken: set[int] = set()
        try:
            documents = [_new_document(p, actor=actor) for p in products]
            await self._products.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            faults = error.details.get("writeErrors", [])
            if error.details.get("writeConcernErrors") or any(f["code"] != _DUPLICATE_KEY for f in faults):
                raise
            taken = {fault["index"] for fault in faults}
        self._wake_up()
        return [product for index, product in enumerate(products) if index not in taken]

    async def replace(self, product: Product, *, read: Product, actor: str | None = None) -> Product | None:
        """Write `product`, which was made of `read`; None when the stored version is another by now.

        Stock is written as the difference between the two: reservations change it without a new version, and
        those made since stay reserved. None also where that difference cannot be taken any more. Raises SkuTaken.
        """
        delta = product.available - read.available
        update: Document = {"$set": _fields(product), "$inc": SEARCH_CHANGED | {"available": delta}}
        if delta:
            edit = Movement.by_hand(MovementKind.EDITED, delta, at=product.updated_at, actor=actor)
            update = recording(update, edit)
        change = "deleted" if product.deleted else "updated"
        event = product_updated(product.id, version=product.version, change=change, actor=actor)
        as_read = {"$and": [{"$eq": ["$version", read.version]}, *_is_there_with_room_for(delta)]}
        try:
            done = await self._products.update_one(
                {"_id": product.id}, when(as_read, emitting(update, event, at=product.updated_at))
            )
        except DuplicateKeyError as error:
            raise SkuTaken(product.sku) from error
        if not done.modified_count:
            return None
        stored = await self._written(product.id)
        return product if stored is None else replace(product, available=stored.available)

    async def replace_many(
        self, revised: Sequence[tuple[Product, Product]], *, actor: str
    ) -> list[Product | None]:
        """`replace` for each pair of a product and the one that it was made of.

        A write for each, some at a time: of the conditional updates in one command nobody learns which took effect.
        """
        turn = asyncio.Semaphore(_WRITES_AT_ONCE)

        async def write(product: Product, read: Product) -> Product | None:
            async with turn:
                return await self.replace(product, read=read, actor=actor)

        return await asyncio.gather(*(write(product, read) for product, read in revised))

    async def adjust(
        self, product_id: ProductId, delta: int, *, reason: str | None, actor: str, at: datetime
    ) -> Product | None:
        """Add `delta` to the available units; None when the product is gone or the result out of bounds."""
        event = stock_adjusted(product_id, delta=delta, reason=reason, actor=actor)
        movement = Movement.by_hand(MovementKind.ADJUSTED, delta, at=at, actor=actor, reason=reason)
        change = recording({"$inc": {"available": delta}, "$set": {"updated_at": at}}, movement)
        done = await self._products.update_one(
            {"_id": product_id},
            when({"$and": _is_there_with_room_for(delta)}, emitting(change, event, at=at)),
        )
        if not done.modified_count:
            return None
        return await self._written(product_id)

    async def _written(self, product_id: ProductId) -> Product | None:
        """The product as it is stored now."""
        self._wake_up()
        stored = await self.get(product_id)
        if stored is not None and self._cache is not None:
            await self._cache.outdate(stored)
        return stored


def _is_there_with_room_for(delta: int) -> list[Document]:
    """That a product is not deleted, and that `delta` leaves as much of it as there may be."""
    bounds: list[Document] = [
        {"$gte": ["$available", -delta]},
        {"$lte": ["$available", MAX_STOCK - delta]},
    ]
    return [{"$eq": ["$deleted", False]}, *(bounds if delta else [])]


def _new_document(product: Product, *, actor: str | None) -> Document:
    """The document of a product that nobody holds, with the event of its creation and its first units."""
    units = Movement.by_hand(MovementKind.CREATED, product.available, at=product.created_at, actor=actor)
    event = product_updated(product.id, version=product.version, change="created", actor=actor)
    return {
        "_id": product.id,
        **_fields(product),
        "available": product.available,
        "holds": [],
        "created_at": product.created_at,
        **SEARCH_NEW,
        **with_movements(*([units] if product.available else [])),
        **with_outbox(event, at=product.created_at),
    }


def _fields(product: Product) -> Document:
    """What an update writes; `available` is not among it."""
    return {
        "sku": product.sku,
        "sku_key": sku_key(product.sku),
        "name": product.name,
        "name_key": fold(product.name),
        "description": product.description,
        "price_minor": product.price.minor,
        "currency": product.price.currency,
        "price_rank": price_rank(product.price),
        "category_id": product.category_id,
        "tags": list(product.tags),
        "images": [asdict(image) for image in product.images],
        "active": product.active,
        "deleted": product.deleted,
        "version": product.version,
        "updated_at": product.updated_at,
        **list_fields(product),
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
        images=tuple(Image(**image) for image in document.get("images", ())),
        available=document["available"],
        active=document["active"],
        deleted=document["deleted"],
        version=document["version"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
    )

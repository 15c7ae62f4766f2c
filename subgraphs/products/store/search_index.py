"""The search index, as it follows the catalogue.

A product's document says what the index holds of it:

    search_version    the analyser whose terms the index has; due where it is below the present one
    search_entries    [term + " " + standing] that the postings have
    search_pending    the same, of those that the postings may have or lack, since an indexer was at it

Every write of a product takes 1 from `search_version`, so it is due from the very write that changed it, and an
indexer that read it before does not mark what it has not seen as done. The steps of an indexer are idempotent,
and `search_pending` is forgotten last: what a crash leaves undone, the next run does again. One process indexes
at a time (`search_state`), so that nobody adds what another is taking away.

Conditions are those that every server answers from an index: `_id`, or exactly the fields of one index.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from subgraphs.kit.mongo.client import Collection, Database, Document, DuplicateKeyError
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.entries import changed, count, count_named, is_vocabulary
from subgraphs.products.domain.search.ranking import MAX_POSTINGS
from subgraphs.products.domain.search.spelling import deletions, may_be_mistyped
from subgraphs.products.store.products import product_of
from subgraphs.products.store.search_cards import card_of

_READ: Document = {"holds": 0, "movements": 0, "outbox": 0, "publish_after": 0}
_DUPLICATE_KEY = 11000
_INDEXER = "indexer"
_WRITES = 1000


@dataclass(frozen=True, slots=True)
class DueProduct:
    """A product as the indexer has read it, with what the index holds of it."""

    product: Product
    search_version: int
    entries: frozenset[str]
    pending: frozenset[str]

    @property
    def as_read(self) -> Document:
        """The condition under which nobody has written it since: every write takes 1 from the version."""
        return {"_id": self.product.id, "search_version": self.search_version}


@dataclass(frozen=True, slots=True)
class PostingsChange:
    """Products that come to a term's postings, by their standings, and those that leave."""

    add: dict[ProductId, str] = field(default_factory=dict)
    remove: set[ProductId] = field(default_factory=set)


class SearchIndexStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]
        self._postings = database["search_postings"]
        self._vocabulary = database["search_vocabulary"]
        self._cards = database["search_cards"]
        self._state = database["search_state"]

    async def due(self, version: int, *, limit: int) -> list[ProductId]:
        """Products whose terms in the index are not those of the analyser `version`, or of an older text."""
        cursor = self._products.find({"search_version": {"$lt": version}}, {"_id": 1}, batch_size=limit + 1)
        return [ProductId(d["_id"]) async for d in cursor.limit(limit)]

    async def count_due(self, version: int) -> int:
        return await self._products.count_documents({"search_version": {"$lt": version}})

    async def read(self, ids: Sequence[ProductId]) -> list[DueProduct]:
        cursor = self._products.find({"_id": {"$in": list(ids)}}, _READ, batch_size=len(ids) + 1)
        return [
            DueProduct(
                product_of(d),
                d["search_version"],
                frozenset(d.get("search_entries", ())),
                frozenset(d.get("search_pending", ())),
            )
            async for d in cursor
        ]

    async def announce(self, entries: Mapping[ProductId, frozenset[str]], read: Iterable[DueProduct]) -> None:
        """Write into each product which entries are about to come and go, now that it is to have `entries`."""
        changes = {due.product.id: sorted(entries[due.product.id] ^ due.entries) for due in read}
        await _write(
            self._products,
            [
                UpdateOne({"_id": i}, {"$addToSet": {"search_pending": {"$each": changed}}})
                for i, changed in changes.items()
                if changed
            ],
        )

    async def write_cards(self, products: Iterable[Product]) -> None:
        """Write the card of each product, and take away that of a deleted one."""
        await _write(
            self._cards,
            [
                DeleteOne({"_id": product.id})
                if product.deleted
                else UpdateOne({"_id": product.id}, {"$set": {"card": card_of(product)}}, upsert=True)
                for product in products
            ],
        )

    async def post(self, changes: Mapping[str, PostingsChange]) -> bool:
        """Change the postings of each term; whether all of them took it.

        One does not where another process has written it since it was read here: the products stay due.
        """
        terms = sorted(changes)
        for start in range(0, len(terms), _WRITES):
            batch = terms[start : start + _WRITES]
            cursor = self._postings.find({"_id": {"$in": batch}}, batch_size=len(batch) + 1)
            before = {d["_id"]: d async for d in cursor}
            written = await self._write_postings({term: changes[term] for term in batch}, before)
            if not written:
                return False
        return True

    async def _write_postings(
        self, changes: Mapping[str, PostingsChange], before: Mapping[str, Document]
    ) -> bool:
        writes: list[Any] = []
        vocabulary: list[Any] = []
        for term, change in changes.items():
            old = before.get(term, {"products": b"", "revision": 0})
            # A full list takes no more, and loses what has gone.
            add = {} if count(old["products"]) >= MAX_POSTINGS else change.add
            products = changed(old["products"], add=add, remove=change.remove)
            as_read = {"_id": term, "revision": old["revision"]}
            if term not in before and products:
                writes.append(InsertOne({"_id": term, "products": products, "revision": 1}))
            elif term in before:
                fields = {"products": products, "revision": old["revision"] + 1}
                writes.append(UpdateOne(as_read, {"$set": fields}) if products else DeleteOne(as_read))
            if is_vocabulary(term):
                vocabulary.append(_counted(term, count_named(products)))
        if not await self._all_as_read(writes):
            return False
        await _write(self._vocabulary, vocabulary)
        return True

    async def _all_as_read(self, writes: Sequence[Any]) -> bool:
        """Do `writes`; whether each of them met the postings as they were read."""
        if not writes:
            return True
        try:
            done = await self._postings.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if any(fault["code"] != _DUPLICATE_KEY for fault in error.details["writeErrors"]):
                raise
            return False
        return done.inserted_count + done.matched_count + done.deleted_count == len(writes)

    async def finish(
        self, entries: Mapping[ProductId, frozenset[str]], read: Iterable[DueProduct], *, version: int
    ) -> None:
        """The postings have `entries`. A product that was written meanwhile stays due, with what is pending."""
        await _write(
            self._products,
            [
                UpdateOne(
                    due.as_read,
                    {
                        "$set": {
                            "search_version": version,
                            "search_entries": sorted(entries[due.product.id]),
                        },
                        "$unset": {"search_pending": ""},
                    },
                )
                for due in read
            ],
        )

    async def claim(self, owner: str, *, now: datetime, until: datetime) -> bool:
        """Become, or stay, the one process that indexes, until `until`; whether that is so."""
        free = {"_id": _INDEXER, "$or": [{"owner": owner}, {"until": {"$lt": now}}]}
        try:
            done = await self._state.update_one(free, {"$set": {"owner": owner, "until": until}}, upsert=True)
        except DuplicateKeyError:  # there, and somebody else's
            return False
        return bool(done.matched_count or done.upserted_id)


def _counted(word: str, count: int) -> UpdateOne | DeleteOne:
    if not count:
        return DeleteOne({"_id": word})
    neighbours = sorted(deletions(word)) if may_be_mistyped(word) else []
    fields = {"word": word, "df": count, "deletions": neighbours}
    return UpdateOne({"_id": word}, {"$set": fields}, upsert=True)


async def _write(collection: Collection, writes: Sequence[Any]) -> None:
    """All of `writes`, in any order."""
    for start in range(0, len(writes), _WRITES):
        await collection.bulk_write(writes[start : start + _WRITES], ordered=False)

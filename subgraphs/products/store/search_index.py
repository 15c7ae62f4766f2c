"""The search index, as it follows the catalogue.

A product's document says what the index holds of it:

    search_version    the analyser whose terms the index has; due where it is below the present one
    search_entries    [term + " " + entry] that the postings have
    search_pending    the same, of those that the postings may have or lack, since an indexer was at it

Every write of a product takes 1 from `search_version`, so it is due from the very write that changed it, and an
indexer that read it before does not mark what it has not seen as done. The steps of an indexer are idempotent,
and `search_pending` is forgotten last: what a crash leaves undone, the next run does again. One process indexes
at a time (`search_state`), so that nobody adds what another is taking away.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DeleteOne, UpdateOne
from pymongo.errors import BulkWriteError

from subgraphs.kit.mongo.client import Collection, Database, Document, DuplicateKeyError
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.entries import is_vocabulary, names_a_product
from subgraphs.products.domain.search.ranking import MAX_POSTINGS
from subgraphs.products.domain.search.spelling import deletions, may_be_mistyped
from subgraphs.products.store.products import SEARCH_CHANGED, product_of

_READ: Document = {"holds": 0, "outbox": 0, "publish_after": 0}
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
        """The condition under which nobody has written it since."""
        return {
            "_id": self.product.id,
            "version": self.product.version,
            "search_version": self.search_version,
        }


class SearchIndexStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]
        self._postings = database["search_postings"]
        self._vocabulary = database["search_vocabulary"]
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

    async def post(self, *, add: Iterable[str], remove: Iterable[str]) -> None:
        """Give the postings these entries, and take those away. A full list takes no more."""
        removed, added = _by_term(remove), _by_term(add)
        writes: list[Any] = [
            UpdateOne({"_id": term}, {"$pull": {"products": {"$in": entries}}})
            for term, entries in removed.items()
        ]
        room = {f"products.{MAX_POSTINGS - 1}": {"$exists": False}}
        # One that is full does not match, and the upsert fails over the id that it has.
        writes += [
            UpdateOne({"_id": term, **room}, {"$addToSet": {"products": {"$each": entries}}}, upsert=True)
            for term, entries in added.items()
        ]
        await _write(self._postings, writes)
        await _write(self._postings, [DeleteOne({"_id": term, "products": []}) for term in removed])

    async def recount(self, terms: Iterable[str]) -> None:
        """Set the vocabulary's entries of the words among `terms` to what the postings say."""
        words = sorted({term for term in terms if is_vocabulary(term)})
        for start in range(0, len(words), _WRITES):
            batch = words[start : start + _WRITES]
            cursor = self._postings.find({"_id": {"$in": batch}}, batch_size=len(batch) + 1)
            counts = {d["_id"]: sum(map(names_a_product, d["products"])) async for d in cursor}
            await _write(self._vocabulary, [_counted(word, counts.get(word, 0)) for word in batch])

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

    async def touch_categories(self, ids: Sequence[CategoryId]) -> None:
        """Have the products of these categories indexed anew: their labels have changed."""
        await self._products.update_many({"category_id": {"$in": list(ids)}}, {"$inc": SEARCH_CHANGED})


def _counted(word: str, count: int) -> UpdateOne | DeleteOne:
    if not count:
        return DeleteOne({"_id": word})
    neighbours = sorted(deletions(word)) if may_be_mistyped(word) else []
    fields = {"word": word, "df": count, "deletions": neighbours}
    return UpdateOne({"_id": word}, {"$set": fields}, upsert=True)


def _by_term(entries: Iterable[str]) -> dict[str, list[str]]:
    """The entries of each term. A term has no space in it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in entries:
        term, _, entry = line.partition(" ")
        found[term].append(entry)
    return found


async def _write(collection: Collection, writes: Sequence[Any]) -> None:
    """All of `writes`, in any order. An upsert that meets an existing id is none."""
    for start in range(0, len(writes), _WRITES):
        try:
            await collection.bulk_write(writes[start : start + _WRITES], ordered=False)
        except BulkWriteError as error:
            faults = error.details.get("writeErrors", [])
            if error.details.get("writeConcernErrors") or any(f["code"] != _DUPLICATE_KEY for f in faults):
                raise

"""The search index, as a query reads it.

    search_postings:    _id: term, products: bytes, revision     see domain/search/entries.py
    search_vocabulary:  _id: word, word, df, deletions: [word without a letter]
    search_cards:       _id: product, card: str                  see store/search_cards.py

Only what every server answers from an index: documents by `_id`, and one condition on one indexed field. Some of
them read the whole collection for anything more (`{_id: x, active: true}`), and all that a condition
selects whatever the limit; so a term's products are one document, read whole, and joined here.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TypeVar

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.search.facets import Attributes, SortedAttributes
from subgraphs.products.domain.search.ranking import Postings
from subgraphs.products.domain.search.spelling import deletions, one_edit_apart
from subgraphs.products.store.search_cards import attributes_of_card

_AT_ONCE, _CARD_QUERIES, _DOCUMENT_QUERIES = 125, 2, 4

_Read = TypeVar("_Read")

_ATTRIBUTES: Document = {
    "name_key": 1,
    "category_id": 1,
    "tags": 1,
    "price_rank": 1,
    "available": 1,
    "active": 1,
    "deleted": 1,
    "created_at": 1,
}


class SearchStore:
    def __init__(self, database: Database) -> None:
        self._products = database["products"]
        self._postings = database["search_postings"]
        self._vocabulary = database["search_vocabulary"]
        self._cards = database["search_cards"]

    async def postings(self, terms: Collection[str]) -> Postings:
        """The postings of each of `terms` that any product has, by one query."""
        if not terms:
            return {}
        cursor = self._postings.find({"_id": {"$in": list(terms)}}, batch_size=len(terms) + 1)
        return {d["_id"]: d["products"] async for d in cursor}

    async def cards(self, ids: Sequence[ProductId]) -> dict[ProductId, Attributes]:
        """What the cards say; of a product that has none, what its document does."""
        found: dict[ProductId, Attributes] = {
            card.id: card
            for part in await _in_parts(self._some_cards, ids, queries=_CARD_QUERIES)
            for card in part
        }
        # An index of before has no cards until its products are indexed anew.
        missing = [i for i in ids if i not in found]
        return found | await self.attributes(missing)

    async def attributes(self, ids: Sequence[ProductId]) -> dict[ProductId, SortedAttributes]:
        parts = await _in_parts(self._some_attributes, ids, queries=_DOCUMENT_QUERIES)
        return {product.id: product for part in parts for product in part}

    async def _some_cards(self, ids: Sequence[ProductId]) -> list[Attributes]:
        cursor = self._cards.find({"_id": {"$in": list(ids)}}, batch_size=len(ids) + 1)
        return [attributes_of_card(d) for d in await cursor.to_list(len(ids))]

    async def _some_attributes(self, ids: Sequence[ProductId]) -> list[SortedAttributes]:
        cursor = self._products.find({"_id": {"$in": list(ids)}}, _ATTRIBUTES, batch_size=len(ids) + 1)
        # All at once: a step of the event loop for each would be a third of the time.
        return [_attributes(d) for d in await cursor.to_list(len(ids))]

    async def completions(self, prefix: str, *, limit: int) -> list[str]:
        """The words that begin with `prefix` and are in a name, category or tag, those of most products first."""
        cursor = self._vocabulary.find({"word": {"$gte": prefix, "$lt": prefix + "\U0010ffff"}})
        return _by_frequency([(d["df"], d["_id"]) async for d in cursor])[:limit]

    async def corrections(self, word: str, *, limit: int) -> list[str]:
        """The words that one edit makes of `word`, those of most products first."""
        cursor = self._vocabulary.find({"deletions": {"$in": sorted(deletions(word))}}, {"df": 1})
        near = [(d["df"], d["_id"]) async for d in cursor if one_edit_apart(word, d["_id"])]
        return _by_frequency(near)[:limit]


def _by_frequency(found: Iterable[tuple[int, str]]) -> list[str]:
    return [word for _, word in sorted(found, key=lambda pair: (-pair[0], pair[1]))]


async def _in_parts(
    read: Callable[[Sequence[ProductId]], Awaitable[_Read]], ids: Sequence[ProductId], *, queries: int
) -> list[_Read]:
    """A few of `ids` by one query, many by up to `queries` at once: the server has more than one core."""
    size = max(_AT_ONCE, math.ceil(len(ids) / queries))
    return await asyncio.gather(*(read(ids[start : start + size]) for start in range(0, len(ids), size)))


def _attributes(document: Document) -> SortedAttributes:
    category_id = document["category_id"]
    return SortedAttributes(
        id=document["_id"],
        name_key=document["name_key"],
        category_id=None if category_id is None else CategoryId(category_id),
        tags=frozenset(document["tags"]),
        price_rank=document["price_rank"],
        available=document["available"],
        active=document["active"],
        deleted=document["deleted"],
        created_at=document["created_at"],
    )

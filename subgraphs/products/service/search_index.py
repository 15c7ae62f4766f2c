"""Keeps the search index true to the catalogue."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from subgraphs.kit.ids import new_id
from subgraphs.products.domain.categories import Category, CategoryId
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.analyser import ANALYSER_VERSION
from subgraphs.products.domain.search.entries import standings_of
from subgraphs.products.store.categories import CategoryStore
from subgraphs.products.store.search_index import DueProduct, PostingsChange, SearchIndexStore

BATCH = 500
_ROUND = 5000
_CLAIM = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchIndexing:
    """`version` is that of the analyser; a test raises it."""

    store: SearchIndexStore
    categories: CategoryStore
    clock: Callable[[], datetime]
    version: int = ANALYSER_VERSION
    owner: str = field(default_factory=new_id)

    async def index_due(self) -> bool:
        """Index what is due, at most 5,000 products, unless another process is at it; whether there may be more."""
        # One look for many batches: some servers read all that are due, whatever the limit.
        due = await self.store.due(self.version, limit=_ROUND)
        for start in range(0, len(due), BATCH):
            now = self.clock()
            # Claimed anew for each batch: one that takes longer than the claim is the last.
            if not await self.store.claim(self.owner, now=now, until=now + _CLAIM):
                return False
            await self._index(await self.store.read(due[start : start + BATCH]))
        return len(due) == _ROUND

    async def count_due(self) -> int:
        return await self.store.count_due(self.version)

    async def _index(self, read: list[DueProduct]) -> None:
        labels = await self._categories_of([due.product for due in read])
        wanted = {due.product.id: _lines(due.product, labels[due.product.id]) for due in read}
        await self.store.announce(wanted, read)
        await self.store.write_cards([due.product for due in read])
        if await self.store.post(_changes(wanted, read)):
            await self.store.finish(wanted, read, version=self.version)

    async def _categories_of(self, products: list[Product]) -> dict[ProductId, list[Category]]:
        """The category of each product with those above it."""
        own = await self._by_id({p.category_id for p in products if p.category_id is not None})
        above = await self._by_id({i for category in own.values() for i in category.ancestors} - own.keys())
        every = own | above
        return {
            product.id: [every[i] for i in (*category.ancestors, category.id) if i in every]
            if product.category_id is not None and (category := own.get(product.category_id)) is not None
            else []
            for product in products
        }

    async def _by_id(self, ids: set[CategoryId]) -> dict[CategoryId, Category]:
        found = await self.categories.get_many(sorted(ids)) if ids else []
        return {category.id: category for category in found if category is not None}


def _changes(
    wanted: Mapping[ProductId, frozenset[str]], read: Sequence[DueProduct]
) -> dict[str, PostingsChange]:
    """What is to happen to each term. Whether what is pending has happened nobody knows, so it happens again."""
    changes: defaultdict[str, PostingsChange] = defaultdict(PostingsChange)
    for due in read:
        lines, product_id = wanted[due.product.id], due.product.id
        for line in (due.entries | due.pending) - lines:
            changes[line.partition(" ")[0]].remove.add(product_id)
        for line in lines & (due.pending | (lines - due.entries)):
            term, _, standing = line.partition(" ")
            changes[term].add[product_id] = standing
    return changes


def _lines(product: Product, categories: list[Category]) -> frozenset[str]:
    return frozenset(f"{term} {standing}" for term, standing in standings_of(product, categories).items())

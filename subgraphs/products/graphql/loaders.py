"""Per-operation loaders: the fields of many products or categories become one query each."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from strawberry.dataloader import DataLoader

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.pagination import Page
from subgraphs.products.domain.categories import Category, CategoryId
from subgraphs.products.domain.lists import Listing
from subgraphs.products.domain.movements import Movement
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.movements import StockMovements
from subgraphs.products.service.product_lists import ProductListService


class CategoryPage(NamedTuple):
    """A page of the products of one category, as one viewer sees it."""

    category_id: CategoryId
    listing: Listing
    viewer: Viewer


class MovementPage(NamedTuple):
    """A page of the movements of one product, as one viewer may see it."""

    product_id: ProductId
    first: int | None
    after: str | None
    viewer: Viewer


class Loaders:
    """One instance per operation, since a loader remembers what it has seen."""

    def __init__(
        self,
        *,
        product_lists: ProductListService,
        categories: CategoryService,
        movements: StockMovements,
    ) -> None:
        self._product_lists = product_lists
        self._categories = categories
        self._movements = movements
        self.category: DataLoader[CategoryId, Category | None] = DataLoader(load_fn=self._load_categories)
        self.children: DataLoader[CategoryId, list[Category]] = DataLoader(load_fn=self._load_children)
        self.products_of: DataLoader[CategoryPage, Page[Product]] = DataLoader(load_fn=self._load_pages)
        self.movements_of: DataLoader[MovementPage, Page[Movement]] = DataLoader(load_fn=self._load_movements)

    async def categories_of(self, ids: Iterable[CategoryId]) -> dict[CategoryId, Category | None]:
        """By one query, without a future for each; None for what is no category any more."""
        wanted = list(dict.fromkeys(ids))
        return dict(zip(wanted, await self._categories.get_many(wanted) if wanted else (), strict=True))

    async def _load_categories(self, ids: list[CategoryId]) -> Sequence[Category | None]:
        return await self._categories.get_many(ids)

    async def _load_children(self, ids: list[CategoryId]) -> Sequence[list[Category]]:
        return await self._categories.list_children(ids)

    async def _load_pages(self, keys: list[CategoryPage]) -> Sequence[Page[Product] | BaseException]:
        """Keys with the same arguments together. What one set of arguments raises is its own only."""
        alike: defaultdict[tuple[Viewer, Listing], list[CategoryId]] = defaultdict(list)
        for category_id, listing, viewer in keys:
            alike[viewer, listing].append(category_id)
        answers = await asyncio.gather(
            *(
                self._product_lists.pages_of(viewer, listing, roots=roots)
                for (viewer, listing), roots in alike.items()
            ),
            return_exceptions=True,
        )
        found: dict[CategoryPage, Page[Product] | BaseException] = {}
        for ((viewer, listing), roots), answer in zip(alike.items(), answers, strict=True):
            for number, root in enumerate(roots):
                page = answer if isinstance(answer, BaseException) else answer[number]
                found[CategoryPage(root, listing, viewer)] = page
        return [found[key] for key in keys]

    async def _load_movements(self, keys: list[MovementPage]) -> Sequence[Page[Movement] | BaseException]:
        """Keys with the same arguments together."""
        alike: defaultdict[tuple[Viewer, int | None, str | None], list[ProductId]] = defaultdict(list)
        for key in keys:
            alike[key.viewer, key.first, key.after].append(key.product_id)
        answers = await asyncio.gather(
            *(
                self._movements.pages_of(viewer, product_ids, first=first, after=after)
                for (viewer, first, after), product_ids in alike.items()
            ),
            return_exceptions=True,
        )
        found: dict[MovementPage, Page[Movement] | BaseException] = {}
        for ((viewer, first, after), ids), answer in zip(alike.items(), answers, strict=True):
            for number, product_id in enumerate(ids):
                page = answer if isinstance(answer, BaseException) else answer[number]
                found[MovementPage(product_id, first, after, viewer)] = page
        return [found[key] for key in keys]

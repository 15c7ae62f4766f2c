"""Per-request loaders: the fields of many products become one query each."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from subgraphs.products.domain.catalogue import Category, CategoryId, Product, ProductId
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.products import ProductService


class Loaders:
    """One instance per request, since a loader remembers what it has seen."""

    def __init__(self, products: ProductService, categories: CategoryService) -> None:
        self._products = products
        self._categories = categories
        self.product: DataLoader[ProductId, Product | None] = DataLoader(load_fn=self._load_products)
        self.category: DataLoader[CategoryId, Category | None] = DataLoader(load_fn=self._load_categories)
        self.children: DataLoader[CategoryId, list[Category]] = DataLoader(load_fn=self._load_children)

    async def _load_products(self, ids: list[ProductId]) -> Sequence[Product | None]:
        return await self._products.get_many(ids)

    async def _load_categories(self, ids: list[CategoryId]) -> Sequence[Category | None]:
        return await self._categories.get_many(ids)

    async def _load_children(self, ids: list[CategoryId]) -> Sequence[list[Category]]:
        return await self._categories.list_children(ids)

"""The catalogue as it leaves: categories from the top down, products by SKU."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.products.domain.categories import Category, CategoryId
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import Product
from subgraphs.products.store.categories import CategoryStore
from subgraphs.products.store.products import ProductStore

# Large, since the embedded server looks at all that follow for each page.
_PAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductExport:
    products: ProductStore
    categories: CategoryStore

    async def list_categories(self, viewer: Viewer) -> dict[CategoryId, Category]:
        """All of them by id, each behind its parent."""
        viewer.require(Permission.MANAGE_PRODUCTS)
        return {category.id: category for category in await self.categories.list_all()}

    async def stream_products(self, viewer: Viewer, *, active: bool | None) -> AsyncIterator[Product]:
        """What was not deleted, page by page; with `active` only what is, or is not, on sale."""
        viewer.require(Permission.MANAGE_PRODUCTS)
        last = ""
        while page := await self.products.page_by_sku(after=last, limit=_PAGE):
            for product in page:
                if not product.deleted and active in (None, product.active):
                    yield product
            last = page[-1].sku

"""Products as the category tree sees them."""

from collections.abc import Callable, Collection

from subgraphs.kit.mongo.client import Database
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.store.products import SEARCH_CHANGED


class CategoryProductStore:
    """`catalogue_changed` is called after the search index has become due."""

    def __init__(self, database: Database, *, catalogue_changed: Callable[[], None]) -> None:
        self._products = database["products"]
        self._catalogue_changed = catalogue_changed

    async def are_in(self, category_id: CategoryId) -> bool:
        """Whether any product is in the category itself, on sale or not; deleted ones do not count."""
        query = {"category_id": category_id, "deleted": False}
        return await self._products.find_one(query, {"_id": 1}) is not None

    async def reindex(self, categories: Collection[CategoryId]) -> None:
        """Let the search index follow: what it has of the products in `categories` is out of date."""
        query = {"category_id": {"$in": sorted(categories)}}
        if (await self._products.update_many(query, {"$inc": dict(SEARCH_CHANGED)})).modified_count:
            self._catalogue_changed()

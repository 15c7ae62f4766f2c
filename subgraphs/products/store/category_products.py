"""Products as the category tree sees them."""

from collections.abc import Callable, Collection

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.store.products import SEARCH_CHANGED


class CategoryProductStore:
    """`catalogue_changed` is called after the search index has become due."""

    def __init__(self, database: Database, *, catalogue_changed: Callable[[], None]) -> None:
        self._products = database["products"]
        self._catalogue_changed = catalogue_changed

    async def are_in(self, category_id: CategoryId) -> bool:
        """Whether any product is in the category itself, on sale or not; deleted ones do not count."""
        # Two steps, the first of which has the field of an index and no other: some servers use it for no more.
        steps: list[Document] = [
            {"$match": {"category_id": category_id}},
            {"$match": {"deleted": False}},
            {"$limit": 1},
            {"$project": {"_id": 1}},
        ]
        return bool([d async for d in self._products.aggregate(steps)])

    async def reindex(self, categories: Collection[CategoryId]) -> None:
        """Let the search index follow: what it has of the products in `categories` is out of date."""
        query = {"category_id": {"$in": sorted(categories)}}
        if (await self._products.update_many(query, {"$inc": dict(SEARCH_CHANGED)})).modified_count:
            self._catalogue_changed()

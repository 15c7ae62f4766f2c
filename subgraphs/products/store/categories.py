"""The `categories` collection.

    _id, name, name_key, slug, description, parent_id, path: [top, …, parent, itself], depth, created_at

`path` has an index, so that a subtree is one query at any depth.
"""

from collections.abc import Sequence
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document
from subgraphs.products.domain.catalogue import Category, CategoryId
from subgraphs.products.domain.text import fold


class CategoryStore:
    def __init__(self, database: Database) -> None:
        self._categories = database["categories"]

    async def get_many(self, ids: Sequence[CategoryId]) -> list[Category | None]:
        wanted = list(dict.fromkeys(ids))
        cursor = self._categories.find({"_id": {"$in": wanted}}, batch_size=len(wanted) + 1)
        found = {d["_id"]: category_of(d) async for d in cursor}
        return [found.get(i) for i in ids]

    async def get_by_slugs(self, slugs: Sequence[str]) -> list[Category | None]:
        cursor = self._categories.find({"slug": {"$in": list(slugs)}})
        found = {d["slug"]: category_of(d) async for d in cursor}
        return [found.get(s) for s in slugs]

    async def get_by_name(self, name: str) -> Category | None:
        """The category of this name that is nearest to the top, the oldest of several."""
        order = [("depth", 1), ("_id", 1)]
        document = await self._categories.find_one({"name_key": fold(name)}, sort=order)
        return category_of(document) if document else None

    async def list_children(self, parents: Sequence[CategoryId | None]) -> list[list[Category]]:
        """The children of each parent by name; of None, the top of the tree."""
        cursor = self._categories.find({"parent_id": {"$in": list(set(parents))}})
        children: dict[CategoryId | None, list[Category]] = {parent: [] for parent in parents}
        async for document in cursor.sort([("name_key", 1), ("_id", 1)]):
            children[document["parent_id"]].append(category_of(document))
        return [children[parent] for parent in parents]

    async def subtree(self, category_id: CategoryId) -> set[CategoryId]:
        """The category and everything below it; empty when it does not exist."""
        return {d["_id"] async for d in self._categories.find({"path": category_id}, {"_id": 1})}

    async def insert(self, category: Category, *, at: datetime) -> None:
        """Raises DuplicateKeyError when the slug, or the name beside its siblings, is taken."""
        await self._categories.insert_one(new_document(category, at=at))


def new_document(category: Category, *, at: datetime) -> Document:
    return {
        "_id": category.id,
        "name": category.name,
        "name_key": fold(category.name),
        "slug": category.slug,
        "description": category.description,
        "parent_id": category.parent_id,
        "path": [*category.ancestors, category.id],
        "depth": len(category.ancestors),
        "created_at": at,
    }


def category_of(document: Document) -> Category:
    return Category(
        id=document["_id"],
        name=document["name"],
        slug=document["slug"],
        description=document["description"],
        parent_id=document["parent_id"],
        ancestors=tuple(document["path"][:-1]),
    )

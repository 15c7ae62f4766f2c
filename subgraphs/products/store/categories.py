"""The `categories` collection.

    _id, name, name_key, slug, description, parent_id, path: [top, …, parent, itself], depth, created_at

`path` has an index, so that a subtree is one query at any depth.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError
from subgraphs.products.domain.categories import Category, CategoryId
from subgraphs.products.domain.errors import SiblingNameTaken, SlugTaken
from subgraphs.products.domain.text import fold


class CategoryStore:
    def __init__(self, database: Database) -> None:
        self._categories = database["categories"]

    async def get_many(self, ids: Sequence[CategoryId]) -> list[Category | None]:
        wanted = list(dict.fromkeys(ids))
        cursor = self._categories.find({"_id": {"$in": wanted}}, batch_size=len(wanted) + 1)
        found = {d["_id"]: _category(d) async for d in cursor}
        return [found.get(i) for i in ids]

    async def get_by_slugs(self, slugs: Sequence[str]) -> list[Category | None]:
        cursor = self._categories.find({"slug": {"$in": list(slugs)}})
        found = {d["slug"]: _category(d) async for d in cursor}
        return [found.get(s) for s in slugs]

    async def list_all(self) -> list[Category]:
        """Each below its parent."""
        return [_category(d) async for d in self._categories.find({}).sort([("depth", 1), ("_id", 1)])]

    async def list_named(self, texts: Collection[str]) -> list[Category]:
        """Those that one of `texts` is the name, the slug or the id of."""
        either = [
            {"name_key": {"$in": sorted({fold(text) for text in texts})}},
            {"slug": {"$in": sorted(texts)}},
            {"_id": {"$in": sorted(texts)}},
        ]
        return [_category(d) async for d in self._categories.find({"$or": either})]

    async def get_by_name(self, name: str) -> Category | None:
        """The category of this name that is nearest to the top, the oldest of several."""
        order = [("depth", 1), ("_id", 1)]
        document = await self._categories.find_one({"name_key": fold(name)}, sort=order)
        return _category(document) if document else None

    async def list_children(self, parents: Sequence[CategoryId | None]) -> list[list[Category]]:
        """The children of each parent by name; of None, the top of the tree."""
        cursor = self._categories.find({"parent_id": {"$in": list(set(parents))}})
        children: dict[CategoryId | None, list[Category]] = {parent: [] for parent in parents}
        async for document in cursor.sort([("name_key", 1), ("_id", 1)]):
            children[document["parent_id"]].append(_category(document))
        return [children[parent] for parent in parents]

    async def subtrees(self, roots: Sequence[CategoryId]) -> dict[CategoryId, set[CategoryId]]:
        """Each root with everything below it, by one query; an empty set where it does not exist."""
        found: dict[CategoryId, set[CategoryId]] = {root: set() for root in roots}
        cursor = self._categories.find({"path": {"$in": list(found)}}, {"path": 1})
        async for document in cursor:
            for above in found.keys() & document["path"]:
                found[above].add(document["_id"])
        return found

    async def find_same(self, category: Category) -> Category | None:
        """The category with the slug of this one, or with its name and parent."""
        same = {"parent_id": category.parent_id, "name_key": fold(category.name)}
        document = await self._categories.find_one({"$or": [{"slug": category.slug}, same]})
        return _category(document) if document else None

    async def insert(self, category: Category, *, at: datetime) -> None:
        """Raises SlugTaken, or SiblingNameTaken where the parent has another child of the name."""
        try:
            await self._categories.insert_one(_new_document(category, at=at))
        except DuplicateKeyError as error:
            if "slug" in (error.details or {}).get("keyPattern", {}):
                raise SlugTaken(category.slug) from error
            raise SiblingNameTaken(category.name) from error


def _new_document(category: Category, *, at: datetime) -> Document:
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


def _category(document: Document) -> Category:
    return Category(
        id=document["_id"],
        name=document["name"],
        slug=document["slug"],
        description=document["description"],
        parent_id=document["parent_id"],
        ancestors=tuple(document["path"][:-1]),
    )

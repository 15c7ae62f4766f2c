"""The `categories` collection, as it is read and added to; see `store/category_documents.py` for the documents.

`path` has an index, so that a subtree is one query at any depth. It follows `parent_id`, in writes of its own: while
any category is marked, paths are not trusted, and readers make them from the parents.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError
from subgraphs.products.domain.categories import Category, CategoryId, Mark, Path, Step, paths_of
from subgraphs.products.domain.text import fold
from subgraphs.products.store.category_changes import CategoryChangeStore
from subgraphs.products.store.category_documents import (
    MARKED,
    NODE,
    category_of,
    mark_document,
    new_document,
    taken,
)

_BATCH = 1000  # one command for most trees; the driver's first batch has 101


class CategoryStore:
    def __init__(self, database: Database) -> None:
        self._categories = database["categories"]
        self._changes = CategoryChangeStore(database)

    async def get_many(self, ids: Sequence[CategoryId]) -> list[Category | None]:
        wanted = set(ids)
        documents = await self._find({"_id": {"$in": sorted(wanted)}}, lambda d: d["_id"] in wanted)
        found = {d["_id"]: category_of(d) for d in documents}
        return [found.get(i) for i in ids]

    async def get_by_slugs(self, slugs: Sequence[str]) -> list[Category | None]:
        documents = await self._find({"slug": {"$in": list(slugs)}}, lambda d: d["slug"] in slugs)
        found = {d["slug"]: category_of(d) for d in documents}
        return [found.get(s) for s in slugs]

    async def list_all(self) -> list[Category]:
        """Each below its parent."""
        found = [category_of(d) for d in await self._find({}, lambda _: True)]
        return sorted(found, key=lambda category: (len(category.ancestors), category.id))

    async def list_named(self, texts: Collection[str]) -> list[Category]:
        """Those that one of `texts` is the name, the slug or the id of, by one query."""
        keys = {fold(text) for text in texts}

        def matches(document: Document) -> bool:
            return document["name_key"] in keys or document["slug"] in texts or document["_id"] in texts

        either = [
            {"name_key": {"$in": sorted(keys)}},
            {"slug": {"$in": sorted(texts)}},
            {"_id": {"$in": sorted(texts)}},
        ]
        return [category_of(d) for d in await self._find({"$or": either}, matches)]

    async def list_children(self, parents: Sequence[CategoryId | None]) -> list[list[Category]]:
        """The children of each parent by name; of None, the top of the tree."""
        wanted = set(parents)
        documents = await self._find({"parent_id": {"$in": list(wanted)}}, lambda d: d["parent_id"] in wanted)
        children: dict[CategoryId | None, list[Category]] = {parent: [] for parent in parents}
        for document in sorted(documents, key=lambda d: (d["name_key"], d["_id"])):
            children[document["parent_id"]].append(category_of(document))
        return [children[parent] for parent in parents]

    async def subtrees(self, roots: Sequence[CategoryId]) -> dict[CategoryId, set[CategoryId]]:
        """Each root with everything below it, by one query; an empty set where it does not exist."""
        query = {"$or": [{"path": {"$in": list(roots)}}, MARKED]}
        documents = [d async for d in self._categories.find(query, {"path": 1, "mark": 1})]
        paths: Iterable[Sequence[CategoryId]] = [d["path"] for d in documents]
        if any("mark" in d for d in documents):
            paths = (await self._paths()).values()
        found: dict[CategoryId, set[CategoryId]] = {root: set() for root in roots}
        for path in paths:
            for above in found.keys() & path:
                found[above].add(path[-1])
        return found

    async def find_same(self, category: Category) -> Category | None:
        """The category with the slug of this one, or with its name and parent."""
        same = {"parent_id": category.parent_id, "name_key": fold(category.name)}
        document = await self._categories.find_one({"$or": [{"slug": category.slug}, same]})
        return category_of(document) if document else None

    async def insert(self, category: Category, *, at: datetime) -> None:
        """Below a parent it is marked until it is clear that this has not moved or gone meanwhile.

        Raises SlugTaken, SiblingNameTaken where the parent has another child of the name, and ValidationFailed where
        there is no such parent any more.
        """
        mark = Mark(id=new_id(), step=Step.NEW, decided=True, at=at)
        document = new_document(category, at=at)
        if category.parent_id is not None:
            document["mark"] = mark_document(mark)
        try:
            await self._categories.insert_one(document)
        except DuplicateKeyError as error:
            raise taken(error, category) from error
        if category.parent_id is not None:
            await self._confirm(category, category.parent_id, mark)

    async def _confirm(self, category: Category, parent_id: CategoryId, mark: Mark) -> None:
        query = {"$or": [{"_id": parent_id}, MARKED]}
        found = {d["_id"]: d async for d in self._categories.find(query, NODE)}
        parent = found.pop(parent_id, None)
        found.pop(category.id, None)
        if parent is None or parent.get("mark", {}).get("step") == Step.DELETION:
            if await self._changes.delete(category.id, mark):
                raise ValidationFailed("parentId names no category", field="parentId")
        elif not found and "mark" not in parent and tuple(parent["path"]) == category.ancestors:
            await self._changes.unmark(category.id, mark)
        # Whatever else it may be, whoever settles what is marked does this one, too.

    async def _find(self, query: Document, matches: Callable[[Document], bool]) -> list[Document]:
        """The documents that `query` selects, which `matches` tells from others, with paths that can be trusted."""
        found = await self._categories.find({"$or": [query, MARKED]}, batch_size=_BATCH).to_list(None)
        if any("mark" in d for d in found):
            paths = await self._paths()
            found = [{**d, "path": paths.get(d["_id"], d["path"])} for d in found]
        return [d for d in found if matches(d)]

    async def _paths(self) -> dict[CategoryId, Path]:
        cursor = self._categories.find({}, {"parent_id": 1})
        return paths_of({CategoryId(d["_id"]): d["parent_id"] async for d in cursor})

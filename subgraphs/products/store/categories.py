"""The `categories` collection.

    _id, name, name_key, slug, description, parent_id, path: [top, …, parent, itself], depth, created_at,
    mark?: {id, step, decided, at, target?}

`path` has an index, so that a subtree is one query at any depth. It follows `parent_id`, in writes of its own: while
any category is marked, paths are not trusted, and readers make them from the parents.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError, Session
from subgraphs.products.domain.categories import (
    Category,
    CategoryId,
    Mark,
    Node,
    Path,
    Step,
    paths_of,
)
from subgraphs.products.domain.errors import SiblingNameTaken, SlugTaken
from subgraphs.products.domain.text import fold, slugify

_MARKED: Document = {"mark.at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}
_NODE: Document = {"parent_id": 1, "path": 1, "mark": 1}
_WRITES = 500


class CategoryStore:
    def __init__(self, database: Database) -> None:
        self._categories = database["categories"]

    async def get_many(self, ids: Sequence[CategoryId]) -> list[Category | None]:
        wanted = set(ids)
        documents = await self._find({"_id": {"$in": sorted(wanted)}}, lambda d: d["_id"] in wanted)
        found = {d["_id"]: _category(d) for d in documents}
        return [found.get(i) for i in ids]

    async def get_by_slugs(self, slugs: Sequence[str]) -> list[Category | None]:
        documents = await self._find({"slug": {"$in": list(slugs)}}, lambda d: d["slug"] in slugs)
        found = {d["slug"]: _category(d) for d in documents}
        return [found.get(s) for s in slugs]

    async def candidates(self, wanted: str) -> list[Category]:
        """Categories whose id, slug or name is `wanted`, or whose slug is made of it, by one query."""
        key, slugs = fold(wanted), {wanted, slugify(wanted)}

        def matches(document: Document) -> bool:
            return document["_id"] == wanted or document["slug"] in slugs or document["name_key"] == key

        query = {"$or": [{"_id": wanted}, {"slug": {"$in": sorted(slugs)}}, {"name_key": key}]}
        return [_category(d) for d in await self._find(query, matches)]

    async def list_children(self, parents: Sequence[CategoryId | None]) -> list[list[Category]]:
        """The children of each parent by name; of None, the top of the tree."""
        wanted = set(parents)
        documents = await self._find({"parent_id": {"$in": list(wanted)}}, lambda d: d["parent_id"] in wanted)
        children: dict[CategoryId | None, list[Category]] = {parent: [] for parent in parents}
        for document in sorted(documents, key=lambda d: (d["name_key"], d["_id"])):
            children[document["parent_id"]].append(_category(document))
        return [children[parent] for parent in parents]

    async def subtrees(self, roots: Sequence[CategoryId]) -> dict[CategoryId, set[CategoryId]]:
        """Each root with everything below it, by one query; an empty set where it does not exist."""
        query = {"$or": [{"path": {"$in": list(roots)}}, _MARKED]}
        documents = [d async for d in self._categories.find(query, {"path": 1, "mark": 1})]
        paths: Iterable[Sequence[CategoryId]] = [d["path"] for d in documents]
        if any("mark" in d for d in documents):
            paths = (await self._paths()).values()
        found: dict[CategoryId, set[CategoryId]] = {root: set() for root in roots}
        for path in paths:
            for above in found.keys() & path:
                found[above].add(path[-1])
        return found

    async def find_same(self, category: Category) -> CategoryId | None:
        """The category with the slug of this one, or with its name and parent."""
        same = {"parent_id": category.parent_id, "name_key": fold(category.name)}
        document = await self._categories.find_one({"$or": [{"slug": category.slug}, same]}, {"_id": 1})
        return CategoryId(document["_id"]) if document else None

    async def insert(self, category: Category, *, at: datetime) -> None:
        """Below a parent it is marked until it is clear that this has not moved or gone meanwhile.

        Raises SlugTaken, SiblingNameTaken where the parent has another child of the name, and ValidationFailed where
        there is no such parent any more.
        """
        mark = Mark(id=new_id(), step=Step.NEW, decided=True, at=at)
        document = _new_document(category, at=at)
        if category.parent_id is not None:
            document["mark"] = _mark_document(mark)
        try:
            await self._categories.insert_one(document)
        except DuplicateKeyError as error:
            raise _taken(error, category) from error
        if category.parent_id is not None:
            await self._confirm(category, category.parent_id, mark)

    async def _confirm(self, category: Category, parent_id: CategoryId, mark: Mark) -> None:
        query = {"$or": [{"_id": parent_id}, _MARKED]}
        found = {d["_id"]: d async for d in self._categories.find(query, _NODE)}
        parent = found.pop(parent_id, None)
        found.pop(category.id, None)
        if parent is None or parent.get("mark", {}).get("step") == Step.DELETION:
            if await self.delete(category.id, mark):
                raise ValidationFailed("parentId names no category", field="parentId")
        elif not found and "mark" not in parent and tuple(parent["path"]) == category.ancestors:
            await self.unmark(category.id, mark)
        # Whatever else it may be, whoever settles what is marked does this one, too.

    # ---- changes, each by who has the mark ---------------------------------------------------------------------

    async def mark(self, category_id: CategoryId, mark: Mark) -> bool:
        """False where the category is gone, or in the middle of something."""
        query = {"_id": category_id, "mark": {"$exists": False}}
        done = await self._categories.update_one(query, {"$set": {"mark": _mark_document(mark)}})
        return bool(done.modified_count)

    async def unmark(self, category_id: CategoryId, mark: Mark) -> None:
        await self._categories.update_one({"_id": category_id, "mark.id": mark.id}, {"$unset": {"mark": ""}})

    async def abandon(self, category_id: CategoryId, mark: Mark) -> None:
        """Take the mark away, unless what it stands for is decided."""
        query = {"_id": category_id, "mark.id": mark.id, "mark.decided": False}
        await self._categories.update_one(query, {"$unset": {"mark": ""}})

    async def change(self, category: Category, mark: Mark) -> bool:
        """Write name, slug, description and parent, and that the change is decided; False where the mark is gone.

        Raises SlugTaken, SiblingNameTaken.
        """

        async def put_anew(session: Session) -> bool:
            query = {"_id": category.id, "mark.id": mark.id}
            document = await self._categories.find_one_and_delete(query, session=session)
            if document is None:
                return False
            decided = {**document["mark"], "decided": True}
            changed = {**document, **_fields(category), "mark": decided}
            await self._categories.insert_one(changed, session=session)
            return True

        # Taken out and put in as one, since the embedded server keeps the old values of unique fields taken after an
        # update, and gives them free after a deletion.
        async with await self._categories.database.client.start_session() as session:
            try:
                return bool(await session.with_transaction(put_anew))
            except DuplicateKeyError as error:
                raise _taken(error, category) from error

    async def delete(self, category_id: CategoryId, mark: Mark) -> bool:
        done = await self._categories.delete_one({"_id": category_id, "mark.id": mark.id})
        return bool(done.deleted_count)

    async def has_children(self, category_id: CategoryId) -> bool:
        """Also such as are on their way to it."""
        query = {"$or": [{"parent_id": category_id}, {"mark.target": category_id}]}
        return await self._categories.find_one(query, {"_id": 1}) is not None

    # ---- the tree as a whole -----------------------------------------------------------------------------------

    async def marked(self) -> list[Node]:
        return [_node(d) async for d in self._categories.find(_MARKED, _NODE)]

    async def nodes(self) -> list[Node]:
        return [_node(d) async for d in self._categories.find({}, _NODE)]

    async def place(self, places: Sequence[tuple[Node, Path]]) -> None:
        """Write the path of each node, where its parent and its path are as they were read."""
        writes = [
            UpdateOne(
                {"_id": node.id, "parent_id": node.parent_id, "path": list(node.path)},
                {"$set": {"path": list(path), "depth": len(path) - 1}},
            )
            for node, path in places
        ]
        for start in range(0, len(writes), _WRITES):
            await self._categories.bulk_write(writes[start : start + _WRITES], ordered=False)

    async def _find(self, query: Document, matches: Callable[[Document], bool]) -> list[Document]:
        """The documents that `query` selects, which `matches` tells from others, with paths that can be trusted."""
        found = [d async for d in self._categories.find({"$or": [query, _MARKED]})]
        if any("mark" in d for d in found):
            paths = await self._paths()
            found = [{**d, "path": paths.get(d["_id"], d["path"])} for d in found]
        return [d for d in found if matches(d)]

    async def _paths(self) -> dict[CategoryId, Path]:
        cursor = self._categories.find({}, {"parent_id": 1})
        return paths_of({CategoryId(d["_id"]): d["parent_id"] async for d in cursor})


def _taken(error: DuplicateKeyError, category: Category) -> SlugTaken | SiblingNameTaken:
    if "slug" in (error.details or {}).get("keyPattern", {}):
        return SlugTaken(category.slug)
    return SiblingNameTaken(category.name)


def _fields(category: Category) -> Document:
    return {
        "name": category.name,
        "name_key": fold(category.name),
        "slug": category.slug,
        "description": category.description,
        "parent_id": category.parent_id,
    }


def _new_document(category: Category, *, at: datetime) -> Document:
    return {
        "_id": category.id,
        **_fields(category),
        "path": [*category.ancestors, category.id],
        "depth": len(category.ancestors),
        "created_at": at,
    }


def _mark_document(mark: Mark) -> Document:
    target = {} if mark.target is None else {"target": mark.target}
    return {"id": mark.id, "step": mark.step.value, "decided": mark.decided, "at": mark.at, **target}


def _mark(document: Document | None) -> Mark | None:
    if document is None:
        return None
    fields: dict[str, Any] = {**document, "step": Step(document["step"])}
    return Mark(**fields)


def _node(document: Document) -> Node:
    return Node(
        id=document["_id"],
        parent_id=document["parent_id"],
        path=tuple(document["path"]),
        mark=_mark(document.get("mark")),
    )


def _category(document: Document) -> Category:
    return Category(
        id=document["_id"],
        name=document["name"],
        slug=document["slug"],
        description=document["description"],
        parent_id=document["parent_id"],
        ancestors=tuple(document["path"][:-1]),
        being_deleted=document.get("mark", {}).get("step") == Step.DELETION,
    )

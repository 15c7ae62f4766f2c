"""Changes of the `categories` collection, each by who has the mark of the category; see `service/category_tree.py`."""

from collections.abc import Sequence

from pymongo import UpdateOne

from subgraphs.kit.mongo.client import Database, Document, DuplicateKeyError, Session
from subgraphs.kit.mongo.conditional import is_now, when
from subgraphs.products.domain.categories import Category, CategoryId, Mark, Node, Path
from subgraphs.products.store.category_documents import (
    MARKED,
    NODE,
    fields_of,
    mark_document,
    node_of,
    taken,
)

_WRITES = 500


class CategoryChangeStore:
    def __init__(self, database: Database) -> None:
        self._categories = database["categories"]

    async def mark(self, category_id: CategoryId, mark: Mark) -> bool:
        """False where the category is gone, or in the middle of something."""
        return await self._write(category_id, is_now("mark", None), {"$set": {"mark": mark_document(mark)}})

    async def unmark(self, category_id: CategoryId, mark: Mark) -> None:
        await self._write(category_id, is_now("mark.id", mark.id), {"$unset": {"mark": ""}})

    async def abandon(self, category_id: CategoryId, mark: Mark) -> None:
        """Take the mark away, unless what it stands for is decided."""
        undecided = {"$and": [is_now("mark.id", mark.id), is_now("mark.decided", False)]}
        await self._write(category_id, undecided, {"$unset": {"mark": ""}})

    async def change(self, category: Category, mark: Mark) -> bool:
        """Write name, slug, description and parent, and that the change is decided; False where the mark is gone.

        Raises SlugTaken, SiblingNameTaken.
        """

        async def put_anew(session: Session) -> bool:
            document = await self._categories.find_one({"_id": category.id}, session=session)
            if document is None or not await self._delete(category.id, mark, session=session):
                return False
            decided = {**mark_document(mark), "decided": True}
            changed = {**document, **fields_of(category), "mark": decided}
            await self._categories.insert_one(changed, session=session)
            return True

        # Taken out and put in as one, since the embedded server keeps the old values of unique fields taken after an
        # update, and gives them free after a deletion.
        async with await self._categories.database.client.start_session() as session:
            try:
                return bool(await session.with_transaction(put_anew))
            except DuplicateKeyError as error:
                raise taken(error, category) from error

    async def delete(self, category_id: CategoryId, mark: Mark) -> bool:
        return await self._delete(category_id, mark)

    async def has_children(self, category_id: CategoryId) -> bool:
        """Also such as are on their way to it."""
        query = {"$or": [{"parent_id": category_id}, {"mark.target": category_id}]}
        return await self._categories.find_one(query, {"_id": 1}) is not None

    # ---- the tree as a whole -----------------------------------------------------------------------------------

    async def marked(self) -> list[Node]:
        return [node_of(d) async for d in self._categories.find(MARKED, NODE)]

    async def nodes(self) -> list[Node]:
        return [node_of(d) async for d in self._categories.find({}, NODE)]

    async def place(self, places: Sequence[tuple[Node, Path]]) -> None:
        """Write the path of each node, where its parent and its path are as they were read."""
        writes = [
            UpdateOne(
                {"_id": node.id},
                when(
                    {"$and": [is_now("parent_id", node.parent_id), is_now("path", list(node.path))]},
                    {"$set": {"path": list(path), "depth": len(path) - 1}},
                ),
            )
            for node, path in places
        ]
        for start in range(0, len(writes), _WRITES):
            await self._categories.bulk_write(writes[start : start + _WRITES], ordered=False)

    async def _delete(self, category_id: CategoryId, mark: Mark, *, session: Session | None = None) -> bool:
        """These two fields are an index: nothing else finds them without reading the collection on every server."""
        query = {"_id": category_id, "mark.id": mark.id}
        return bool((await self._categories.delete_one(query, session=session)).deleted_count)

    async def _write(self, category_id: CategoryId, condition: Document, update: Document) -> bool:
        """By the id alone, whether `condition` held."""
        done = await self._categories.update_one({"_id": category_id}, when(condition, update))
        return bool(done.modified_count)

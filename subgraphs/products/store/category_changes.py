"""Changes of the `categories` collection, each by who has the mark of the category; see `service/category_tree.py`."""

from collections.abc import Sequence

from pymongo import UpdateOne

from subgraphs.kit.mongo.client import Database, DuplicateKeyError, Session
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
        query = {"_id": category_id, "mark": {"$exists": False}}
        done = await self._categories.update_one(query, {"$set": {"mark": mark_document(mark)}})
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
        done = await self._categories.delete_one({"_id": category_id, "mark.id": mark.id})
        return bool(done.deleted_count)

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
                {"_id": node.id, "parent_id": node.parent_id, "path": list(node.path)},
                {"$set": {"path": list(path), "depth": len(path) - 1}},
            )
            for node, path in places
        ]
        for start in range(0, len(writes), _WRITES):
            await self._categories.bulk_write(writes[start : start + _WRITES], ordered=False)

"""Changes of categories: rename, move, delete, by steps that any process may finish.

A change marks its category first, then is decided on by one write of that document: from there on every reader sees
it, whole. Paths and the search index follow, and the mark goes last. Of a process that dies before the decision
nothing is left but the mark, which lapses; after it, the job does the rest.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, NotFound, Unavailable, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.categories import (
    Category,
    CategoryChanges,
    CategoryId,
    Mark,
    Node,
    Step,
    best_match,
    check_move,
    meanings,
    misplaced,
    paths_of,
    revise,
)
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.store.categories import CategoryStore
from subgraphs.products.store.category_changes import CategoryChangeStore
from subgraphs.products.store.category_products import CategoryProductStore

LAPSE = timedelta(seconds=10)
"""For how long a change may stay undecided; its process has died by then."""

_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryTree:
    store: CategoryStore
    changes: CategoryChangeStore
    products: CategoryProductStore
    clock: Callable[[], datetime]

    async def update(self, viewer: Viewer, category_id: CategoryId, changes: CategoryChanges) -> Category:
        """Change a category, and with another parent move it with all that is below it.

        Raises NotFound, ValidationFailed (also for a parent that is below the category), SlugTaken,
        SiblingNameTaken, and Conflict where another change comes first.
        """
        viewer.require(Permission.MANAGE_PRODUCTS)
        current = await self._current(category_id)
        changes = await self._with_parent(changes)
        if revise(current, changes) == current:
            return current
        step = Step.CHANGE if {"name", "parent_id"} & changes.keys() else Step.EDIT
        mark = await self._mark(category_id, step, target=changes.get("parent_id"))
        try:
            decided = await self._decide(category_id, changes, mark)
        except Exception:
            await self.changes.abandon(category_id, mark)
            raise
        if not decided:
            raise Conflict("The change took too long; read the category again, and repeat.")
        with suppress(Unavailable):  # it is changed, and the job does the rest
            await self.settle()
        return await self._current(category_id)

    async def _decide(self, category_id: CategoryId, changes: CategoryChanges, mark: Mark) -> bool:
        current = await self._current(category_id)
        revised = revise(current, changes)
        moves = revised.parent_id != current.parent_id
        if moves and not check_move(category_id, revised.parent_id, await self.changes.nodes()):
            raise Conflict("The categories are being moved by another call at the moment; try again.")
        return await self.changes.change(revised, mark)

    async def _with_parent(self, changes: CategoryChanges) -> CategoryChanges:
        """With the id of the parent that is named. Raises ValidationFailed where there is none."""
        wanted = changes.get("parent_id")
        if wanted is None:
            return changes
        parent = best_match(wanted, await self.store.list_named(meanings(wanted)))
        if parent is None:
            raise ValidationFailed("parentId names no category", field="parentId")
        return {**changes, "parent_id": parent.id}

    async def delete(self, viewer: Viewer, category_id: CategoryId) -> CategoryId:
        """Raises NotFound, and Conflict while there are categories or products in it, or another change comes first."""
        viewer.require(Permission.MANAGE_PRODUCTS)
        await self._current(category_id)
        mark = await self._mark(category_id, Step.DELETION)
        try:
            await self._check_empty(category_id)
            deleted = await self.changes.delete(category_id, mark)
        except Exception:
            await self.changes.abandon(category_id, mark)
            raise
        if not deleted:
            raise Conflict("The deletion took too long; read the category again, and repeat.")
        return category_id

    async def _check_empty(self, category_id: CategoryId) -> None:
        if await self.changes.has_children(category_id):
            raise Conflict("There are categories below this one; move or delete them first.")
        if await self.products.are_in(category_id):
            raise Conflict("There are products in this category; move or delete them first.")

    async def settle(self) -> None:
        """Finish what is decided, and forget what has lapsed. May be done again, and by several processes at once."""
        marked = await self.changes.marked()
        if not marked:
            return
        decided = [node for node in marked if node.mark is not None and node.mark.decided]
        # Read after the marks: each of these decisions is in it.
        nodes = await self._placed() if decided else []
        for node in decided:
            await self._finish(node, nodes)
        before = self.clock() - LAPSE
        for node in marked:
            if node.mark is not None and not node.mark.decided and node.mark.at < before:
                await self.changes.abandon(node.id, node.mark)

    async def _finish(self, node: Node, nodes: Sequence[Node]) -> None:
        """The paths are right: the search index follows, and the mark goes."""
        assert node.mark is not None  # noqa: S101 - only marked ones come here
        known = {each.id for each in nodes}
        if node.mark.step is Step.NEW and node.parent_id not in known:
            # Its parent was deleted as it came, and whoever made it never heard that it was there.
            if node.mark.at < self.clock() - LAPSE:
                await self.changes.delete(node.id, node.mark)
            return
        if node.mark.step is Step.CHANGE:
            paths = paths_of({each.id: each.parent_id for each in nodes})
            await self.products.reindex([i for i, path in paths.items() if node.id in path])
        await self.changes.unmark(node.id, node.mark)

    async def _placed(self) -> list[Node]:
        """The whole tree, once each path is what the parents make it. Raises Unavailable where others move on and on."""
        for _ in range(_TRIES):
            nodes = await self.changes.nodes()
            wrong = misplaced(nodes)
            if not wrong:
                return nodes
            await self.changes.place(wrong)
        raise Unavailable("The categories change too often at the moment; they are put in order soon.")

    async def _mark(self, category_id: CategoryId, step: Step, *, target: CategoryId | None = None) -> Mark:
        """Raises NotFound, and Conflict where the category is in the middle of something that is not decided."""
        for _ in range(2):
            mark = Mark(id=new_id(), step=step, decided=False, at=self.clock(), target=target)
            if await self.changes.mark(category_id, mark):
                return mark
            await self.settle()
        await self._current(category_id)
        raise Conflict("The category is being changed by another call at the moment; try again.")

    async def _current(self, category_id: CategoryId) -> Category:
        (found,) = await self.store.get_many([category_id])
        if found is None:
            raise NotFound("There is no such category.")
        return found

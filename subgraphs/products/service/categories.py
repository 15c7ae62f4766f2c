"""Use cases of the category tree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, ValidationFailed
from subgraphs.kit.ids import is_id, new_id
from subgraphs.products.domain.categories import (
    MAX_CATEGORY_DEPTH,
    MAX_CATEGORY_NAME,
    Category,
    CategoryId,
    best_match,
    meanings,
    slug_of,
)
from subgraphs.products.domain.errors import SiblingNameTaken, SlugTaken
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.text import clean, clean_description, clean_slug
from subgraphs.products.store.categories import CategoryStore

_SLUG_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryService:
    store: CategoryStore
    clock: Callable[[], datetime]

    async def get_many(self, ids: Sequence[CategoryId]) -> list[Category | None]:
        return await self.store.get_many(ids)

    async def get(self, *, category_id: CategoryId | None, slug: str | None) -> Category | None:
        """By id, which may also be a slug or a name, or by slug alone.

        Raises ValidationFailed unless exactly one of them is given.
        """
        if (category_id is None) == (slug is None):
            raise ValidationFailed("give either `id` or `slug`", field="id")
        if category_id is not None:
            return await self.find(category_id)
        assert slug is not None  # noqa: S101 - the check above; mypy cannot follow it
        return (await self.store.get_by_slugs([slug]))[0]

    async def find(self, wanted: str, *, strict: bool = False) -> Category | None:
        """The category that is meant by an id, a slug or a name; see `domain.categories.best_match`."""
        return best_match(wanted, await self.store.list_named(meanings(wanted)), strict=strict)

    async def within(self, wanted: str) -> set[CategoryId]:
        """The category that is meant, with everything below it; nothing where there is none."""
        root = CategoryId(wanted)
        if not is_id(wanted):
            category = await self.find(wanted)
            if category is None:
                return set()
            root = category.id
        return (await self.store.subtrees([root]))[root]

    async def list_children(self, parents: Sequence[CategoryId | None]) -> list[list[Category]]:
        """The children of each parent by name; of None, the top of the tree."""
        return await self.store.list_children(parents)

    async def below(self, wanted: str | None) -> list[Category]:
        """What is directly below the category that is meant, by name; of None, the top of the tree."""
        parent = None
        if wanted is not None:
            category = await self.find(wanted)
            if category is None:
                return []
            parent = category.id
        (children,) = await self.store.list_children([parent])
        return children

    async def subtrees(self, roots: Sequence[CategoryId]) -> dict[CategoryId, set[CategoryId]]:
        """Each root with everything below it; nothing where it does not exist."""
        return await self.store.subtrees(roots)

    async def create(
        self,
        viewer: Viewer,
        *,
        name: str,
        slug: str | None,
        description: str | None,
        parent_id: CategoryId | None,
    ) -> Category:
        """Add a category below `parent_id`, or at the top. Without a slug it gets one of its name.

        Raises SlugTaken, SiblingNameTaken, ValidationFailed.
        """
        viewer.require(Permission.MANAGE_PRODUCTS)
        name = clean(name, field="name", at_most=MAX_CATEGORY_NAME)
        wanted = clean_slug(slug) if slug is not None else slug_of(name)
        ancestors = await self._ancestors(parent_id)
        category = Category(
            id=CategoryId(new_id()),
            name=name,
            slug=wanted,
            description=clean_description(description),
            parent_id=ancestors[-1] if ancestors else None,
            ancestors=ancestors,
        )
        await self.store.insert(category, at=self.clock())
        return category

    async def ensure(self, name: str) -> Category:
        """The category of that id, slug or name, wherever it stands; a new one at the top when there is none.

        Several callers at once get the same one: who loses the race for a slug looks for the name again.
        """
        name = clean(name, field="category", at_most=MAX_CATEGORY_NAME)
        base = slug_of(name, field="category")
        for number in range(1, _SLUG_TRIES):
            found = await self.find(name, strict=True)
            if found is not None:
                return found
            category = Category(
                id=CategoryId(new_id()),
                name=name,
                slug=base if number == 1 else f"{base}-{number}",
                description=None,
                parent_id=None,
                ancestors=(),
            )
            try:
                await self.store.insert(category, at=self.clock())
            except (SlugTaken, SiblingNameTaken):
                continue
            return category
        raise Conflict(f"No slug is left for a category {name!r}; create it with createCategory.")

    async def _ancestors(self, parent_id: CategoryId | None) -> tuple[CategoryId, ...]:
        if parent_id is None:
            return ()
        parent = await self.find(parent_id)
        if parent is None:
            raise ValidationFailed("parentId names no category", field="parentId")
        if len(parent.ancestors) + 1 >= MAX_CATEGORY_DEPTH:
            raise ValidationFailed(f"categories nest at most {MAX_CATEGORY_DEPTH} deep", field="parentId")
        return (*parent.ancestors, parent.id)

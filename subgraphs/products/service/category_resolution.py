"""Which category a file means, created where there is none."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from subgraphs.kit.errors import Conflict, DomainError, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.categories import (
    MAX_CATEGORY_DEPTH,
    MAX_CATEGORY_NAME,
    Category,
    CategoryId,
    best_match,
    slug_of,
)
from subgraphs.products.domain.category_references import CategoryReference
from subgraphs.products.domain.errors import SiblingNameTaken, SlugTaken
from subgraphs.products.domain.imports import CategoryLine, LineResult, Outcome
from subgraphs.products.domain.text import MAX_SLUG, clean, clean_description, clean_slug, fold
from subgraphs.products.store.categories import CategoryStore

_SLUG_TRIES = 50
_TRIES = 3


@dataclass(slots=True, kw_only=True)
class CategoryResolution:
    """The categories of one file; `declared` are those that it describes, by the slug that it gives them."""

    store: CategoryStore
    clock: Callable[[], datetime]
    declared: dict[str, Category] = field(default_factory=dict)

    async def declare(self, line: CategoryLine) -> LineResult:
        """Add the category that the line describes; one that is there already stays as it is."""
        try:
            outcome = await self._declare(line)
        except DomainError as error:
            return LineResult(number=line.number, outcome=Outcome.REFUSED, fault=error)
        return LineResult(number=line.number, outcome=outcome)

    async def _declare(self, line: CategoryLine) -> Outcome:
        parent = None if line.parent is None else await self._by_slug(line.parent)
        name = clean(line.name, field="name", at_most=MAX_CATEGORY_NAME)
        category = _new(name, clean_slug(line.slug), parent=parent, description=line.description)
        for _ in range(_TRIES):
            existing = await self.store.find_same(category)
            if existing is not None:
                self.declared[line.slug] = existing
                return Outcome.UNCHANGED
            try:
                await self.store.insert(category, at=self.clock())
            except Conflict:  # somebody else has just added it
                continue
            self.declared[line.slug] = category
            return Outcome.CREATED
        raise Conflict("The slug or the name of the category is taken and given up again and again.")

    async def _by_slug(self, slug: str) -> Category:
        found = self.declared.get(slug) or (await self.store.get_by_slugs([slug]))[0]
        if found is None:
            raise ValidationFailed(
                f"there is no category with the slug {slug!r}; its line must come first", field="parent"
            )
        return found

    async def resolve(
        self, references: Collection[CategoryReference]
    ) -> dict[CategoryReference, CategoryId | DomainError]:
        """The category of each reference, with those above it created where they are missing, or why it has none."""
        if not references:
            return {}
        names = {name for reference in references for name in reference.names}
        tree = _Tree(await self.store.list_named(names))
        found: dict[CategoryReference, CategoryId | DomainError] = {}
        for reference in references:
            try:
                found[reference] = (await self._one(reference, tree)).id
            except DomainError as error:
                found[reference] = error
        return found

    async def _one(self, reference: CategoryReference, tree: "_Tree") -> Category:
        first, *below = reference.names
        category = None if reference.rooted else self.declared.get(first) or tree.anywhere(first)
        category = category or await self._child(None, first, tree)
        for name in below:
            category = await self._child(category, name, tree)
        return category

    async def _child(self, parent: Category | None, name: str, tree: "_Tree") -> Category:
        """The category of that name below `parent`, or at the top, created where it is missing."""
        slugs = _slugs(name, parent)
        for _ in range(_SLUG_TRIES):
            if (found := tree.child(parent, name)) is not None:
                return found
            category = _new(name, next(slugs), parent=parent)
            try:
                await self.store.insert(category, at=self.clock())
            except SlugTaken:
                continue
            except SiblingNameTaken:  # somebody else has just added it
                tree.add(*await self.store.list_named([name]))
                continue
            tree.add(category)
        raise Conflict(f"No slug is left for a category {name!r}; create it with createCategory.")


class _Tree:
    """Categories as a file may name them."""

    def __init__(self, categories: Iterable[Category]) -> None:
        self._all: dict[CategoryId, Category] = {}
        self._children: dict[tuple[CategoryId | None, str], Category] = {}
        self.add(*categories)

    def add(self, *categories: Category) -> None:
        for category in categories:
            self._all[category.id] = category
            self._children[category.parent_id, fold(category.name)] = category

    def child(self, parent: Category | None, name: str) -> Category | None:
        return self._children.get((parent.id if parent else None, fold(name)))

    def anywhere(self, text: str) -> Category | None:
        return best_match(text, list(self._all.values()), strict=True)


def _slugs(name: str, parent: Category | None) -> Iterator[str]:
    """Slugs for a new category of that name, the best first. Raises ValidationFailed where it has no letter."""
    base = slug_of(name, field="category")
    yield base
    if parent is not None:
        yield f"{parent.slug}-{base}"[:MAX_SLUG].strip("-")
    for number in range(2, _SLUG_TRIES + 2):
        yield f"{base}-{number}"


def _new(name: str, slug: str, *, parent: Category | None, description: str | None = None) -> Category:
    ancestors = (*parent.ancestors, parent.id) if parent else ()
    if len(ancestors) >= MAX_CATEGORY_DEPTH:
        raise ValidationFailed(f"categories nest at most {MAX_CATEGORY_DEPTH} deep", field="category")
    return Category(
        id=CategoryId(new_id()),
        name=name,
        slug=slug,
        description=clean_description(description),
        parent_id=parent.id if parent else None,
        ancestors=ancestors,
    )

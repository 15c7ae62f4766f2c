"""Categories: the nodes of a tree, known by id, by slug and by name.

A node's parent is what the tree is; the path of a node is derived from it, and kept for looking up. While a node
moves, the paths at and below it are not yet those that its parents make.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType, TypedDict

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.text import (
    MAX_SLUG,
    clean,
    clean_description,
    clean_slug,
    fold,
    slugify,
)

CategoryId = NewType("CategoryId", str)
Path = tuple[CategoryId, ...]

MAX_CATEGORY_NAME = 100
MAX_CATEGORY_DEPTH = 8

# "-12" may follow where the slug itself is taken.
_ROOM_FOR_NUMBER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A node of the category tree; `ancestors` run from the top to the parent."""

    id: CategoryId
    name: str
    slug: str
    description: str | None
    parent_id: CategoryId | None
    ancestors: Path
    being_deleted: bool = False


class CategoryChanges(TypedDict, total=False):
    """What an update asks for: an absent key leaves the field alone, None clears it."""

    name: str | None
    slug: str | None
    description: str | None
    parent_id: CategoryId | None


def revise(category: Category, changes: CategoryChanges) -> Category:
    """`category` with `changes`, checked, but for its place in the tree. Without a slug it gets one of its name.

    Raises ValidationFailed.
    """
    if "name" in changes:
        if changes["name"] is None:
            raise ValidationFailed("name cannot be cleared; leave it out to keep it", field="name")
        category = replace(category, name=clean(changes["name"], field="name", at_most=MAX_CATEGORY_NAME))
    if "slug" in changes:
        slug = changes["slug"]
        category = replace(category, slug=slug_of(category.name) if slug is None else clean_slug(slug))
    if "description" in changes:
        category = replace(category, description=clean_description(changes["description"]))
    if "parent_id" in changes:
        category = replace(category, parent_id=changes["parent_id"])
    return category


class Step(StrEnum):
    """What a category that is marked is in the middle of. An edit leaves its name and its place alone."""

    NEW = "new"
    EDIT = "edit"
    CHANGE = "change"
    DELETION = "deletion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That a category is in the middle of something; one at a time has it.

    Until it is `decided`, nothing has happened. `target` is the parent that a move goes to, None for the top or where
    nothing moves.
    """

    id: str
    step: Step
    decided: bool
    at: datetime
    target: CategoryId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A category's place: its parent, and the path by which it is found."""

    id: CategoryId
    parent_id: CategoryId | None
    path: Path
    mark: Mark | None = None


def paths_of(parents: Mapping[CategoryId, CategoryId | None]) -> dict[CategoryId, Path]:
    """The path of each category, from the top down to itself."""
    paths: dict[CategoryId, Path] = {}
    for category_id in parents:
        above: list[CategoryId] = []
        step: CategoryId | None = category_id
        while step is not None and step in parents and step not in paths and step not in above:
            above.append(step)
            step = parents[step]
        path = paths.get(step, ()) if step is not None else ()
        for node in reversed(above):
            path = (*path, node)
            paths[node] = path
    return paths


def misplaced(nodes: Iterable[Node]) -> list[tuple[Node, Path]]:
    """The nodes whose path is not the one that the parents make, with that."""
    known = {node.id: node for node in nodes}
    paths = paths_of({node.id: node.parent_id for node in known.values()})
    return [(node, paths[node.id]) for node in known.values() if node.path != paths[node.id]]


def check_move(category_id: CategoryId, target: CategoryId | None, nodes: Sequence[Node]) -> bool:
    """Whether the category may go below `target`; False while it depends on a move that is not decided.

    The category bears its mark in `nodes` already, as whoever moves anything above `target` does: of two moves that
    together would make a circle, one at least sees the other. Raises ValidationFailed for a parent that does not
    exist, is the category or below it, or is too deep.
    """
    if target is None:
        return True
    known = {node.id: node for node in nodes}
    if target not in known or _is_leaving(known[target]):
        raise ValidationFailed("parentId names no category", field="parentId")
    paths = paths_of({node.id: node.parent_id for node in nodes})
    if category_id in paths[target]:
        raise ValidationFailed("a category cannot be below itself", field="parentId")
    depth = paths[category_id].index(category_id)
    height = max(len(path) - depth for path in paths.values() if category_id in path)
    if len(paths[target]) + height > MAX_CATEGORY_DEPTH:
        raise ValidationFailed(f"categories nest at most {MAX_CATEGORY_DEPTH} deep", field="parentId")
    return category_id not in _possible_ancestors(target, known)


def _is_leaving(node: Node) -> bool:
    return node.mark is not None and node.mark.step is Step.DELETION


def _possible_ancestors(start: CategoryId, known: Mapping[CategoryId, Node]) -> set[CategoryId]:
    """`start` and what is above it, also by moves that are under way."""
    found: set[CategoryId] = set()
    left: list[CategoryId | None] = [start]
    while left:
        step = left.pop()
        if step is None or step in found or step not in known:
            continue
        found.add(step)
        node = known[step]
        left += [node.parent_id, node.mark.target if node.mark is not None else None]
    return found


def meanings(wanted: str) -> set[str]:
    """What the name, the slug or the id of a category may be that somebody calls `wanted`."""
    return {wanted, slugify(wanted)}


def best_match(wanted: str, categories: Sequence[Category], *, strict: bool = False) -> Category | None:
    """The category that somebody means by an id, a slug or a name, in this order; None for none.

    Names are compared without case and accents. Of several with the name, the one whose slug is made of it is meant,
    else the one nearest to the top, the oldest of several. Where none has the name, that slug will do, unless `strict`.
    """
    slug, name = slugify(wanted), fold(wanted)

    def rank(category: Category) -> int | None:
        tests = (category.id == wanted, category.slug == wanted, fold(category.name) == name)
        if any(tests):
            return tests.index(True)
        return len(tests) if category.slug == slug and slug and not strict else None

    ranked = [
        (place, category.slug != slug, len(category.ancestors), category.id, category)
        for category in categories
        if not category.being_deleted and (place := rank(category)) is not None
    ]
    return min(ranked, key=lambda entry: entry[:4])[-1] if ranked else None


def slug_of(name: str, *, field: str = "name") -> str:
    """A slug of a checked `name`, with room left for a number. Raises ValidationFailed when there is nothing to build on."""
    slug = slugify(name)[: MAX_SLUG - _ROOM_FOR_NUMBER].strip("-")
    if not slug:
        raise ValidationFailed(f"{field} needs at least one letter or digit", field=field)
    return slug

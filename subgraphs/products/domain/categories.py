"""Categories: the nodes of a tree, known by id and by slug."""

from dataclasses import dataclass
from typing import NewType

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.text import MAX_SLUG, slugify

CategoryId = NewType("CategoryId", str)

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
    ancestors: tuple[CategoryId, ...]


def slug_of(name: str, *, field: str = "name") -> str:
    """A slug of a checked `name`, with room left for a number. Raises ValidationFailed when there is nothing to build on."""
    slug = slugify(name)[: MAX_SLUG - _ROOM_FOR_NUMBER].strip("-")
    if not slug:
        raise ValidationFailed(f"{field} needs at least one letter or digit", field=field)
    return slug

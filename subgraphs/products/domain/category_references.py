"""How a category is named in a text, as imports and exports do: `Lighting`, or the way to it, `Home > Lighting`.

Where a name holds the separator, a backslash stands before it. A way that begins with the separator, `> Home`, is
the category at the top, whatever others have its name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.categories import (
    MAX_CATEGORY_DEPTH,
    MAX_CATEGORY_NAME,
    Category,
    CategoryId,
)
from subgraphs.products.domain.text import clean, fold, slugify

PATH_SEPARATOR = ">"


@dataclass(frozen=True, slots=True)
class CategoryReference:
    """The names from the top down; one that is not `rooted` is a name, a slug or an id, wherever it stands."""

    names: tuple[str, ...]
    rooted: bool

    @classmethod
    def parse(cls, text: str) -> "CategoryReference":
        """Raises ValidationFailed for an empty name or too many of them."""
        names = split(text, PATH_SEPARATOR)
        if len(names) > 1 and not names[0]:
            return cls.path(names[1:])
        return cls.path(names) if len(names) > 1 else cls((_clean(names[0]),), rooted=False)

    @classmethod
    def path(cls, names: Sequence[str]) -> "CategoryReference":
        """The names from the top down. Raises as `parse` does."""
        if not 1 <= len(names) <= MAX_CATEGORY_DEPTH:
            raise ValidationFailed(f"categories nest at most {MAX_CATEGORY_DEPTH} deep", field="category")
        return cls(tuple(map(_clean, names)), rooted=True)

    @classmethod
    def of(cls, category: Category, by_id: Mapping[CategoryId, Category]) -> "CategoryReference":
        """The way to `category`; of one at the top the name alone, where `by_id` has no other that it could mean."""
        names = tuple(by_id[i].name for i in category.ancestors if i in by_id)
        alone = not names and not _is_ambiguous(category, by_id.values())
        return cls((*names, category.name), rooted=not alone)

    def __str__(self) -> str:
        text = f" {PATH_SEPARATOR} ".join(escape(name, PATH_SEPARATOR) for name in self.names)
        return f"{PATH_SEPARATOR} {text}" if self.rooted and len(self.names) == 1 else text


def split(text: str, separator: str) -> list[str]:
    r"""The trimmed parts of `text` between separators; `\` takes the meaning of the character behind it."""
    parts = [""]
    for escaped, character in re.findall(r"(\\?)(.)", text, re.DOTALL):
        if character == separator and not escaped:
            parts.append("")
        else:
            keep = escaped if character not in (separator, "\\") else ""
            parts[-1] += keep + character
    return [part.strip() for part in parts]


def escape(text: str, separator: str) -> str:
    """`text` as one of the parts that `split` finds."""
    return text.replace("\\", "\\\\").replace(separator, f"\\{separator}")


def _clean(name: str) -> str:
    return clean(name, field="category", at_most=MAX_CATEGORY_NAME)


def _is_ambiguous(category: Category, others: Iterable[Category]) -> bool:
    """Whether the name may be another's: as its name, or, since it looks like one, as its slug or id."""
    key = fold(category.name)
    return category.name == slugify(category.name) or any(
        other.id != category.id and fold(other.name) == key for other in others
    )

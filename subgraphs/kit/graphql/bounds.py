"""How long a string of the API, and a list of it, may be: declared where the argument or field is defined.

    Annotated[str, strawberry.argument(metadata=max_length(100))]
    name: str = strawberry.field(metadata=max_length(200))
    tags: list[str] = strawberry.field(metadata=max_length(50, items=20))

The bound is the domain's length or a little above it: the domain's own error answers an ordinary mistake, and
only gross excess is refused before any work is done.
"""

from dataclasses import dataclass

ID_LENGTH = 64
"""Characters of an ID that declares no bound: an identifier of ours has 36."""

METADATA_KEY = "bound"


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `characters` in each string, and `items` in each list; None where it declares none."""

    characters: int | None = None
    items: int | None = None


def max_length(characters: int, *, items: int | None = None) -> dict[str, Bound]:
    """Metadata of a string, or of a list of at most `items` strings, of at most `characters` each."""
    return {METADATA_KEY: Bound(characters, items)}


def max_items(items: int) -> dict[str, Bound]:
    """Metadata of a list whose entries have no length of their own: inputs, enums, numbers, IDs."""
    return {METADATA_KEY: Bound(items=items)}

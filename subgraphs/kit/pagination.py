"""Keyset pages with opaque cursors, at most 100 entries each."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.ids import is_id

MAX_PAGE = 100
DEFAULT_PAGE = 20

T = TypeVar("T")
Key = tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows of one page in order, each with its cursor key, and whether more follow.

    `total` counts all rows of the filter; it is awaited only where a client asks for it.
    """

    rows: Sequence[tuple[T, Key]]
    has_next: bool
    has_previous: bool
    total: Callable[[], Awaitable[int]]


def encode_cursor(key: Key) -> str:
    return urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: type) -> Key | None:
    """The key in `cursor`, each part of the type named in `types`.

    Raises ValidationFailed for anything that `encode_cursor` did not make for this list.
    """
    if cursor is None:
        return None
    try:
        parts = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != len(types)
        or not all(type(p) is t for p, t in zip(parts, types, strict=True))
    ):
        raise _not_of_this_list()
    return tuple(parts)


def decode_id_cursor(cursor: str | None) -> str | None:
    """The id in a cursor of a list that is ordered by id. Raises ValidationFailed for any other."""
    key = decode_cursor(cursor, str)
    if key is None:
        return None
    if not is_id(str(key[0])):
        raise _not_of_this_list()
    return str(key[0])


def _not_of_this_list() -> ValidationFailed:
    return ValidationFailed("`after` is not a cursor of this list; pass `pageInfo.endCursor`.", field="after")


def page_size(first: int | None) -> int:
    """`first`, checked; 20 for null. Raises ValidationFailed outside of 1..100."""
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= MAX_PAGE:
        raise ValidationFailed(f"`first` must be between 1 and {MAX_PAGE}.", field="first")
    return first

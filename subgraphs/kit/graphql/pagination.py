"""Connections: keyset pages with opaque cursors, at most 100 entries each."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
import strawberry

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


@strawberry.federation.type(shareable=True, description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One entry of a page.")
class Edge(Generic[T]):
    node: T
    cursor: str


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo
    total: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The entries without their cursors.")
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many entries the list has; counted when asked for.")
    async def total_count(self) -> int:
        return await self.total()

    @classmethod
    def of(cls, page: Page[Any], convert: Callable[[Any], T]) -> "Connection[T]":
        """The connection that shows `page`, each row through `convert`."""
        edges = [Edge(node=convert(row), cursor=encode_cursor(key)) for row, key in page.rows]
        info = PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return cls(edges=edges, page_info=info, total=page.total)

"""Connections: a page of a list, as GraphQL shows it."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from subgraphs.kit.pagination import Page, encode_cursor

T = TypeVar("T")


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

"""Connections: a page of a list, as GraphQL shows it."""

from collections.abc import Callable
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
    page: strawberry.Private[Page[Any]]
    convert: strawberry.Private[Callable[[Any], T]]

    # What is not asked for is not made: a cursor costs as much as an entry.
    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        return [Edge(node=self.convert(row), cursor=encode_cursor(key)) for row, key in self.page.rows]

    @strawberry.field
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=encode_cursor(rows[0][1]) if rows else None,
            end_cursor=encode_cursor(rows[-1][1]) if rows else None,
        )

    @strawberry.field(description="The entries without their cursors.")
    def nodes(self) -> list[T]:
        return [self.convert(row) for row, _ in self.page.rows]

    @strawberry.field(description="How many entries the list has; counted when asked for.")
    async def total_count(self) -> int:
        return await self.page.total()

    @classmethod
    def of(cls, page: Page[Any], convert: Callable[[Any], T]) -> "Connection[T]":
        """The connection that shows `page`, each row through `convert`."""
        return cls(page=page, convert=convert)

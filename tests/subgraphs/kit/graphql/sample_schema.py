"""A schema with what the limits are about: connections, lists, entities, inputs, a mutation, a subscription."""

import asyncio
from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated, Any

import strawberry

from subgraphs.kit.graphql.bounds import max_items, max_length
from subgraphs.kit.graphql.context import RequestContext
from subgraphs.kit.graphql.schema import SubgraphSchema

Info = strawberry.Info[RequestContext, None]

CANCELLED: list[str] = []
"""The resolvers that were cancelled while they ran."""


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.input
class Part:
    name: str = strawberry.field(metadata=max_length(10))
    tags: list[str] = strawberry.field(default_factory=list, metadata=max_length(5, items=2))


@strawberry.input
class NewBook:
    title: str = strawberry.field(metadata=max_length(20))
    parts: list[Part] = strawberry.field(default_factory=list, metadata=max_items(2))
    colour: Colour = Colour.RED


@strawberry.type
class Edge:
    node: "Book"


@strawberry.type
class BookConnection:
    total_count: int = 0

    @strawberry.field
    def nodes(self) -> list["Book"]:
        return []

    @strawberry.field
    def edges(self) -> list[Edge]:
        return []

    @strawberry.field
    def facets(self) -> list["Author"]:
        return []


@strawberry.federation.type(keys=["id"])
class Book:
    id: strawberry.ID
    title: str = ""

    @strawberry.field
    def author(self) -> "Author":
        return Author(id=strawberry.ID("a"))

    @classmethod
    async def resolve_references(cls, _: Any, representations: list[dict[str, Any]]) -> list["Book"]:
        return [cls(id=r["id"]) for r in representations]


@strawberry.type
class Author:
    id: strawberry.ID

    @strawberry.field
    def books(self, first: int | None = 20) -> BookConnection:
        del first
        return BookConnection()

    @strawberry.field
    def friends(self) -> list["Author"]:
        return []


@strawberry.type
class Query:
    @strawberry.field
    def books(
        self,
        first: int | None = 20,
        search: Annotated[str | None, strawberry.argument(metadata=max_length(10))] = None,
    ) -> BookConnection:
        return BookConnection(total_count=len(search or "") + (first or 0))

    @strawberry.field
    def book(self, id: strawberry.ID) -> Book | None:  # noqa: A002 - the API's name
        return Book(id=id)

    @strawberry.field
    def coloured(self, colour: Colour) -> str:
        return colour.value

    @strawberry.field
    async def slow(self) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            CANCELLED.append("slow")
            raise
        return "done"

    @strawberry.field
    def failing(self) -> list[str | None]:
        raise KeyError("a fault of ours")

    @strawberry.field
    def whoami(self, info: Info) -> str | None:
        return info.context.viewer.user_id


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add(self, input: NewBook) -> str:  # noqa: A002 - the API's name
        return input.title


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, info: Info) -> AsyncGenerator[str, None]:
        yield str(id(info.context))
        await asyncio.sleep(60)


schema = SubgraphSchema(query=Query, mutation=Mutation, subscription=Subscription, types=[Book])

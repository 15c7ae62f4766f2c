"""Fields whose values are loaded for a whole list before it is completed."""

from collections.abc import Sequence
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from subgraphs.kit.graphql.execution.strawberry import prefetched
from subgraphs.kit.graphql.schema import SubgraphSchema

LIST = "{ books { author { name } } }"
GUARDED = "{ books { editor { name } } }"


class Calls:
    """What was called, in order; `load_fails` makes the load of many raise, `knows` is what it leaves."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.load_fails = False
        self.leaves_out = ""


async def load_authors(books: Sequence["Book"], calls: Calls) -> None:
    calls.made.append("load " + " ".join(book.title for book in books))
    if calls.load_fails:
        raise OSError
    for book in books:
        if book.title != calls.leaves_out:
            book.ready = Person(name=f"author of {book.title}") if book.title != "anonymous" else None


class Nobody(BasePermission):
    message = "not for you"

    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:  # noqa: ARG002 - Strawberry's signature
        return False


@strawberry.type
class Person:
    name: str


@strawberry.type
class Book:
    title: str
    ready: strawberry.Private[Any] = strawberry.UNSET

    @strawberry.field(metadata=prefetched("ready", load_authors))
    async def author(self, info: strawberry.Info) -> Person | None:
        info.context.made.append(f"resolve {self.title}")
        return Person(name=f"resolved of {self.title}")

    @strawberry.field(metadata=prefetched("ready", load_authors), permission_classes=[Nobody])
    async def editor(self) -> Person | None:
        raise AssertionError


@strawberry.type
class Query:
    @strawberry.field
    def books(self) -> list[Book]:
        return [Book(title="one"), Book(title="anonymous"), Book(title="two")]

    @strawberry.field
    def book(self) -> list[Book]:
        return [Book(title="alone")]


schema = SubgraphSchema(query=Query)


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_a_list_is_loaded_at_once_and_no_resolver_is_called(calls: Calls) -> None:
    result = await schema.run(LIST, None, calls, None)
    assert result.errors is None
    assert result.data == {
        "books": [
            {"author": {"name": "author of one"}},
            {"author": None},
            {"author": {"name": "author of two"}},
        ]
    }
    assert calls.made == ["load one anonymous two"]


async def test_what_is_not_asked_for_is_not_loaded(calls: Calls) -> None:
    result = await schema.run("{ books { title } }", None, calls, None)
    assert result.data == {"books": [{"title": "one"}, {"title": "anonymous"}, {"title": "two"}]}
    assert calls.made == []


async def test_a_load_that_fails_leaves_each_to_its_resolver(calls: Calls) -> None:
    calls.load_fails = True
    result = await schema.run(LIST, None, calls, None)
    assert result.errors is None
    assert [book["author"]["name"] for book in result.data["books"]] == [
        "resolved of one",
        "resolved of anonymous",
        "resolved of two",
    ]
    assert calls.made == ["load one anonymous two", "resolve one", "resolve anonymous", "resolve two"]


async def test_what_a_load_leaves_out_is_resolved(calls: Calls) -> None:
    calls.leaves_out = "two"
    result = await schema.run(LIST, None, calls, None)
    assert result.data["books"][2] == {"author": {"name": "resolved of two"}}
    assert calls.made == ["load one anonymous two", "resolve two"]


async def test_one_by_itself_is_resolved(calls: Calls) -> None:
    result = await schema.run("{ book { author { name } } }", None, calls, None)
    assert result.data == {"book": [{"author": {"name": "resolved of alone"}}]}
    assert calls.made == ["resolve alone"]


async def test_a_field_with_a_permission_is_never_prefetched(calls: Calls) -> None:
    result = await schema.run(GUARDED, None, calls, None)
    assert result.data == {"books": [{"editor": None}, {"editor": None}, {"editor": None}]}
    assert [error.path for error in result.errors or ()] == [["books", n, "editor"] for n in range(3)]
    assert calls.made == []

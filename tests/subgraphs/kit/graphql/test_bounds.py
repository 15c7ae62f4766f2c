"""No string and no list reaches a resolver that is longer than its place allows."""

from typing import Annotated, Any

import pytest
import strawberry

from subgraphs.kit.graphql.bounds import max_items, max_length, undeclared
from subgraphs.kit.graphql.documents import Documents, InvalidDocumentError
from subgraphs.kit.graphql.limits import Limits
from subgraphs.kit.graphql.schema import SubgraphSchema
from tests.subgraphs.kit.graphql.sample_schema import schema


def refusal(query: str, **variables: Any) -> str | None:
    """The message that `query` is refused with; None where it is admitted."""
    try:
        Documents(schema._schema, Limits()).admit(query, variables, None)
    except InvalidDocumentError as error:
        [one] = error.errors
        assert one.extensions == {"code": "BAD_USER_INPUT"}
        return one.message
    return None


SEARCH = "query ($s: String) { books(search: $s) { totalCount } }"
ADD = "mutation ($input: NewBook!) { add(input: $input) }"
TITLE = (
    "mutation ($t: String!, $tags: [String!]!) { add(input: {title: $t, parts: [{name: $t, tags: $tags}]}) }"
)
REFERENCES = "query ($of: [_Any!]!) { _entities(representations: $of) { __typename } }"


def book(**fields: Any) -> dict[str, Any]:
    return {"title": "t", **fields}


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ('{ books(search: "0123456789") { totalCount } }', {}, None),
        ('{ books(search: "0123456789x") { totalCount } }', {}, "`search` may have at most 10 characters."),
        ('{ books(search: """0123456789x""") { totalCount } }', {}, "`search` may have at most 10 characters."),
        (SEARCH, {"s": "é" * 10}, None),
        (SEARCH, {"s": "x" * 11}, "`s` may have at most 10 characters."),
        (SEARCH, {"s": None}, None),
        (SEARCH, {}, None),
        (SEARCH.replace("String)", f'String = "{"x" * 11}")'), {}, "`s` may have at most 10 characters."),
        ("query ($i: ID!) { book(id: $i) { id } }", {"i": "x" * 64}, None),
        ("query ($i: ID!) { book(id: $i) { id } }", {"i": "x" * 65}, "`i` may have at most 64 characters."),
        ("query ($c: Colour!) { coloured(colour: $c) }", {"c": "x" * 65}, "`c` may have at most 64 characters."),
        ("query ($n: Int) { books(first: $n) { totalCount } }", {"n": "x" * 65}, "`n` may have at most 64 characters."),
        (ADD, {"input": book(parts=[{"name": "n", "tags": ["a", "b"]}])}, None),
        (ADD, {"input": book(title="x" * 21)}, "`input.title` may have at most 20 characters."),
        (ADD, {"input": book(parts=[{"name": "x" * 11}])}, "`input.parts.name` may have at most 10 characters."),
        (ADD, {"input": book(parts={"name": "x" * 11})}, "`input.parts.name` may have at most 10 characters."),
        (ADD, {"input": book(parts=[{"name": "n"}] * 3)}, "`input.parts` may have at most 2 entries."),
        (ADD, {"input": book(parts=[{"name": "n", "tags": ["x" * 6]}])}, "`input.parts.tags` may have at most 5 characters."),
        (ADD, {"input": book(parts=[{"name": "n", "tags": list("abc")}])}, "`input.parts.tags` may have at most 2 entries."),
        (TITLE, {"t": "0123456789", "tags": ["a"]}, None),
        (TITLE, {"t": "0123456789x", "tags": ["a"]}, "`t` may have at most 10 characters."),
        (TITLE, {"t": "t", "tags": ["x" * 6]}, "`tags` may have at most 5 characters."),
        (
            'mutation { add(input: {title: "t", parts: [{name: "n"}, {name: "n"}, {name: "n"}]}) }',
            {},
            "`input.parts` may have at most 2 entries.",
        ),
        (
            'mutation { add(input: {title: "t", parts: [{name: "0123456789x"}]}) }',
            {},
            "`input.parts.name` may have at most 10 characters.",
        ),
        ('{ ...f } fragment f on Query { books(search: "0123456789x") { totalCount } }', {}, "`search` may have at most 10 characters."),
        ("query ($s: String) { ...f } fragment f on Query { books(search: $s) { totalCount } }", {"s": "x" * 11}, "`s` may have at most 10 characters."),
        (REFERENCES, {"of": [{"__typename": "Book", "id": "x" * 1000}]}, None),
        (REFERENCES, {"of": [{"__typename": "Book", "id": "x" * 1001}]}, "`of` has a key of more than 1000 characters."),
    ],
)  # fmt: skip
def test_length_is_bounded_where_it_is_declared(
    query: str, variables: dict[str, Any], message: str | None
) -> None:
    assert refusal(query, **variables) == message


def test_the_bound_is_that_of_the_operation_that_is_run() -> None:
    query = (
        "query a($s: String) { books(search: $s) { totalCount } } query b($s: ID!) { book(id: $s) { id } }"
    )
    documents = Documents(schema._schema, Limits())
    documents.admit(query, {"s": "x" * 11}, "b")
    with pytest.raises(InvalidDocumentError):
        documents.admit(query, {"s": "x" * 11}, "a")


def test_a_schema_that_declares_every_bound_has_none_undeclared() -> None:
    assert undeclared(schema._schema) == []


def test_every_string_and_list_without_a_bound_is_named() -> None:
    @strawberry.input
    class Filter:
        search: str | None = None
        ids: list[strawberry.ID] = strawberry.field(default_factory=list)
        numbers: list[int] = strawberry.field(default_factory=list, metadata=max_items(3))
        tags: list[str] = strawberry.field(default_factory=list, metadata=max_length(3))

    @strawberry.type
    class Query:
        @strawberry.field
        def find(
            self,
            id: strawberry.ID,  # noqa: A002 - the API's name
            name: str,
            filter: Filter,  # noqa: A002 - the API's name
            filters: list[Filter],
            sku: Annotated[str, strawberry.argument(metadata=max_length(9))],
        ) -> str:
            return f"{id}{name}{filter}{filters}{sku}"

    assert undeclared(SubgraphSchema(query=Query)._schema) == [
        "Filter.ids",
        "Filter.search",
        "Filter.tags",
        "Query.find(filters)",
        "Query.find(name)",
    ]

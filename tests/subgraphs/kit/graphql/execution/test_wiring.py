"""A subgraph's operations run compiled; none of them is left to graphql-core."""

from typing import Any

import pytest
from graphql import GraphQLObjectType

from subgraphs.kit.graphql.execution import FALLBACKS, CompiledExecution, compiling
from subgraphs.kit.graphql.execution.strawberry import attribute_of
from tests.subgraphs.kit.graphql.sample_schema import schema


def fallbacks() -> float:
    return sum(
        sample.value for metric in FALLBACKS.collect() for sample in metric.samples if "_total" in sample.name
    )


async def test_an_operation_is_compiled_once_and_run_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_object = compiling.compile_object

    def counting(parent: GraphQLObjectType, *rest: Any) -> Any:
        compiled.append(parent.name)
        return compile_object(parent, *rest)

    monkeypatch.setattr(compiling, "compile_object", counting)
    before = fallbacks()
    query = 'query ($yes: Boolean!) { once: book(id: "1") { title id author @include(if: $yes) { id } } }'
    for _ in range(3):
        result = await schema.execute(query, {"yes": True})
        assert result.errors is None
        assert result.data == {"once": {"title": "", "id": "1", "author": {"id": "a"}}}
    assert compiled == ["Query", "Book", "Author"]
    result = await schema.execute(query, {"yes": False})
    assert result.data == {"once": {"title": "", "id": "1"}}
    assert compiled == ["Query", "Book", "Author", "Query", "Book"]
    assert fallbacks() == before


def test_attributes_are_read_and_resolvers_are_called() -> None:
    assert issubclass(schema.execution_context_class, CompiledExecution)
    book = schema._schema.type_map["Book"].fields  # type: ignore[attr-defined]
    assert {name: attribute_of(field) for name, field in book.items()} == {
        "id": "id",
        "title": "title",
        "author": None,
    }

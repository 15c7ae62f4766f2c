"""The cost of an operation is the number of objects that it may resolve."""

from typing import Any

import pytest

from subgraphs.kit.graphql.cost import cost_of
from subgraphs.kit.graphql.documents import Documents
from subgraphs.kit.graphql.limits import Limits
from tests.subgraphs.kit.graphql.sample_schema import schema


def cost(query: str, **variables: Any) -> int:
    plans = Documents(schema._schema, Limits()).prepared(query).plans
    return cost_of(plans[None].selection, variables)


@pytest.mark.parametrize(
    ("query", "objects"),
    [
        ("{ whoami }", 0),
        ("{ __schema { types { name } } }", 0),
        ('{ book(id: "b") { id title } }', 1),
        ('{ book(id: "b") { author { id } } }', 2),
        ('{ a: book(id: "b") { id } b: book(id: "b") { id } }', 2),
        ("{ books { totalCount } }", 1),
        ("{ books { nodes { id } } }", 1 + 20),
        ("{ books(first: 5) { nodes { id } } }", 1 + 5),
        ("{ books(first: null) { nodes { id } } }", 1 + 20),
        ("{ books(first: 5) { nodes { author { id } } } }", 1 + 5 + 5),
        ("{ books(first: 5) { edges { node { id } } } }", 1 + 5 + 5),
        ("{ books(first: 5) { edges { node { author { id } } } nodes { id } } }", 1 + 5 + 5 + 5 + 5),
        ("{ books(first: 5) { facets { id } } }", 1 + 10),
        ('{ book(id: "b") { author { friends { friends { id } } } } }', 2 + 10 + 100),
        ("{ books(first: 5) { ...page } } fragment page on BookConnection { nodes { id } }", 1 + 5),
        ("{ books(first: 5) { ... on BookConnection { nodes { ... { author { id } } } } } }", 1 + 5 + 5),
        ("{ books(first: 100000) { nodes { id } } }", 1 + 100),
        ("{ books(first: -3) { nodes { id } } }", 1),
        ("{ _entities(representations: [{}, {}, {}]) { ... on Book { author { id } } } }", 3 + 3),
    ],
)
def test_the_cost_of_a_document(query: str, objects: int) -> None:
    assert cost(query) == objects


@pytest.mark.parametrize(
    ("declared", "variables", "objects"),
    [
        ("$n: Int", {"n": 7}, 8),
        ("$n: Int", {}, 21),
        ("$n: Int", {"n": None}, 21),
        ("$n: Int = 3", {}, 4),
        ("$n: Int = 3", {"n": 7}, 8),
        ("$n: Int", {"n": "many"}, 21),
    ],
)
def test_a_page_size_may_be_a_variable(declared: str, variables: dict[str, Any], objects: int) -> None:
    query = f"query ({declared}) {{ books(first: $n) {{ nodes {{ id }} }} }}"
    assert cost(query, **variables) == objects


def test_entities_multiply_by_the_representations_of_the_request() -> None:
    query = """query ($of: [_Any!]!) { _entities(representations: $of) { ... on Book {
        author { books(first: 10) { nodes { id } } } } } }"""
    assert cost(query, of=[{}] * 50) == 50 * (1 + 1 + 1 + 10)


def test_one_fragment_counts_for_each_page_that_spreads_it() -> None:
    query = """{ a: books(first: 2) { ...page } b: books(first: 3) { ...page } }
        fragment page on BookConnection { nodes { author { id } } }"""
    assert cost(query) == (1 + 2 + 2) + (1 + 3 + 3)


def test_the_list_of_a_list_of_a_list_is_a_million_objects() -> None:
    level = "books(first: 100) { nodes { author { %s } } }"
    query = "{ %s }" % (level % (level % "books(first: 100) { nodes { id } }"))
    assert cost(query) == 1 + 100 + 100 * (1 + 1 + 100 + 100 * (1 + 1 + 100))


def test_fragments_that_double_cost_what_they_resolve_but_not_the_time_to_find_out() -> None:
    levels = 12
    parts = [
        f"fragment f{n} on Author {{ a: friends {{ ...f{n + 1} }} b: friends {{ ...f{n + 1} }} }}"
        for n in range(levels)
    ]
    query = (
        f"{{ book(id: 1) {{ author {{ ...f0 }} }} }} {' '.join(parts)} fragment f{levels} on Author {{ id }}"
    )
    assert cost(query) == 2 + sum(20**n for n in range(1, levels + 1))

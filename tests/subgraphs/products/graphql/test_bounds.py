"""No text of the API is worked on before its length is known."""

import time

import pytest

from subgraphs.kit.graphql.bounds import undeclared
from subgraphs.products.graphql.schema import schema

# One character becomes eighteen when it is decomposed: a megabyte of it took a second of the event loop.
GROWING = "\ufdfa" * 1_000_000
CREATE = "mutation($input: CreateProductInput!) { createProduct(input: $input) { __typename } }"


def test_every_argument_and_field_has_a_bound() -> None:
    assert undeclared(schema._schema) == []


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($x: String) { product(sku: $x) { id } }", {"x": GROWING[:300_000]}),
        ("query($x: ID) { product(id: $x) { id } }", {"x": "p" * 65}),
        ("query($x: String) { category(slug: $x) { id } }", {"x": "s" * 501}),
        ("query($x: String) { products(after: $x) { totalCount } }", {"x": "c" * 5001}),
        ("query($x: [String!]) { products(filter: {tags: $x}) { totalCount } }", {"x": ["t"] * 101}),
        ("query($x: [String!]) { products(filter: {tags: $x}) { totalCount } }", {"x": ["t" * 201]}),
        ("query($x: [ID!]) { products(filter: {ids: $x}) { totalCount } }", {"x": ["i"] * 201}),
        (CREATE, {"input": {"name": "n" * 1001, "price": "1"}}),
        (CREATE, {"input": {"name": "n", "price": "1", "description": "d" * 20_001}}),
        (CREATE, {"input": {"name": "n", "price": "1", "sku": "s" * 201}}),
        (CREATE, {"input": {"name": "n", "price": "1", "tags": ["t"] * 101}}),
    ],
)
async def test_gross_excess_is_refused_before_any_work(client, commands, query, variables) -> None:
    commands.sent.clear()
    error = await client.error(query, client.token("MANAGE_PRODUCTS"), **variables)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert commands.sent == []


async def test_text_that_grows_costs_nothing(products, manager) -> None:
    """Past the bounds of the API too, since other callers have none: the domain looks at the length first."""
    started = time.process_time()
    assert await products.get(manager, product_id=None, sku=GROWING) is None
    assert time.process_time() - started < 0.1

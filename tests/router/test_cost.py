"""How many objects an operation may resolve: `router/hive/cost.mjs` on the public schema, and its limit in a router."""

import json
import re
import subprocess
from typing import Any

import httpx
import pytest

from clients.rest import documents
from deploy.local import node
from tests.router.processes import ROOT, Execute, Process, Starter
from tests.router.recording_subgraphs import SEEN

API = ROOT / "schema" / "api.graphql"
BUDGET = 10_000
_MEASURE = """
import { readFileSync } from 'node:fs';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { costOf } from './cost.mjs';
const { api, operations } = JSON.parse(readFileSync(0, 'utf8'));
const schema = buildSchema(api);
const costs = operations.map(({ query, variables }) => {
  const document = parse(query);
  return costOf({ schema, document, operation: getOperationAST(document), variables });
});
process.stdout.write(JSON.stringify(costs));
"""


def measure(*operations: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """`{cost, fixed}` of each query with its variables."""
    given = [{"query": query, "variables": variables} for query, variables in operations]
    done = subprocess.run(
        [node.program(), "--input-type=module", "-e", _MEASURE],
        input=json.dumps({"api": API.read_text(), "operations": given}),
        capture_output=True,
        text=True,
        check=True,
        cwd=node.ROUTER,
    )
    costs: list[dict[str, Any]] = json.loads(done.stdout)
    return costs


def cost(query: str, **variables: Any) -> int:
    (measured,) = measure((query, variables))
    return int(measured["cost"])


def nested(levels: int, first: int = 100) -> str:
    """Products of the category of products, and so on: 108 bytes for three levels."""
    query = "id"
    for _ in range(levels - 1):
        query = f"category{{products(first:{first}){{nodes{{{query}}}}}}}"
    return f"{{products(first:{first}){{nodes{{{query}}}}}}}"


SPREAD_TWICE = """
{ a: products(first: 3) { ...Page } b: products(first: 5) { ...Page } }
fragment Page on ProductConnection { nodes { ...One } }
fragment One on Product { category { id } }
"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 0),
        ("{ me { id username } }", 1),
        # The connection, its page, and its page info.
        ("{ products(first: 3) { nodes { id } pageInfo { hasNextPage } } }", 1 + 3 + 1),
        ("{ products(first: 3) { edges { cursor node { id } } } }", 1 + 3 + 3),
        ("{ products(first: 3) { edges { node { id } } nodes { id } } }", 1 + 3 + 3 + 3),
        # The schema's default, which null stands for as well; a page of none is one of one.
        ("{ products { nodes { id } } }", 1 + 20),
        ("{ products(first: null) { nodes { id } } }", 1 + 20),
        ("{ products(first: 0) { nodes { id } } }", 1 + 1),
        # A list that is no page counts as ten.
        (
            "{ me { orders(first: 5) { nodes { items { product { id } } } } } }",
            1 + 1 + 5 * (1 + 10 * (1 + 1)),
        ),
        # Aliases, and fragments for each time that they are spread, add up.
        ("{ a: products(first: 3) { nodes { id } } b: products(first: 5) { nodes { id } } }", 4 + 6),
        (
            SPREAD_TWICE,
            (1 + 2 * 3) + (1 + 2 * 5),
        ),
        ("{ products(first: 3) { ... on ProductConnection { ... { nodes { id } } } } }", 1 + 3),
        (nested(2), 1 + 100 * (1 + 1 + (1 + 100))),
        (nested(3), 1 + 100 * (1 + 1 + (1 + 100 * (1 + 1 + (1 + 100))))),
        ("{ __schema { types { name } } }", 2_500),
        ("{ __schema { a: types { name } b: types { name } } }", 7_500),
        ("{ __schema { ...T } } fragment T on __Schema { a: types { name } }", 5_000),
        ('{ __type(name: "Product") { name } }', 250),
    ],
)
def test_the_cost_is_the_number_of_objects(query: str, expected: int) -> None:
    assert cost(query) == expected


PAGED = "query ($n: Int, $m: Int = 7) { products(first: $n) { nodes { category { products(first: $m) { nodes { id } } } } } }"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"n": 3}, 1 + 3 * (1 + 1 + (1 + 7))),
        ({"n": 3, "m": 2}, 1 + 3 * (1 + 1 + (1 + 2))),
        ({"n": 3, "m": None}, 1 + 3 * (1 + 1 + (1 + 20))),
        ({}, 1 + 20 * (1 + 1 + (1 + 7))),
        ({"n": "x"}, 1 + 20 * (1 + 1 + (1 + 7))),
    ],
)
def test_variables_count_with_their_values_and_else_with_their_defaults(
    variables: dict[str, Any], expected: int
) -> None:
    assert measure((PAGED, variables)) == [{"cost": expected, "fixed": False}]


def test_fragments_that_double_are_measured_in_one_pass() -> None:
    doubling = " ".join(
        f"fragment F{n} on Product {{ ...F{n + 1} category {{ id }} ...F{n + 1} }}" for n in range(40)
    )
    query = f"{{ product(id: 1) {{ ...F0 }} }} {doubling} fragment F40 on Product {{ id }}"
    assert cost(query) == 2**40


def test_every_operation_of_rest_with_its_largest_page_is_within_the_budget() -> None:
    found = documents.load()
    costs = measure(*((document.text, {"first": 100}) for document in found.values()))
    assert len(costs) > 10
    too_dear = {
        name: measured["cost"]
        for name, measured in zip(found, costs, strict=True)
        if measured["cost"] > BUDGET
    }
    assert too_dear == {}


def test_the_queries_of_the_readme_are_within_the_budget() -> None:
    queries = re.findall(r"```graphql\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    costs = [measured["cost"] for measured in measure(*((query, {}) for query in queries))]
    assert len(costs) >= 3
    assert max(costs) <= 1_000


# ---- in the router -------------------------------------------------------------------------------------------


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


@pytest.mark.parametrize("levels", [3, 5])
def test_a_small_document_with_a_large_answer_is_refused(
    router: Process, execute: Execute, levels: int
) -> None:
    refused = execute(router, nested(levels))
    assert codes(refused) == ["OPERATION_TOO_LARGE"]
    assert "data" not in refused.json()
    assert not any(seen.requests for seen in SEEN.values())


def test_the_message_says_by_how_much(router: Process, execute: Execute) -> None:
    assert len(nested(3)) == 108
    (error,) = execute(router, nested(3)).json()["errors"]
    assert error["message"] == (
        "The operation is too large: it may resolve 1030301 objects, the limit is 10000. "
        "Ask for smaller pages, or for fewer lists inside lists."
    )


def test_the_budget_is_a_setting_and_holds_for_the_variables_of_each_request(
    start_router: Starter, execute: Execute
) -> None:
    router = start_router(ROUTER_MAX_COST="51")
    query = "query ($n: Int) { products(first: $n) { nodes { name } } }"
    for _ in range(2):
        passed = execute(router, query, variables={"n": 50}).json()
        assert len(passed["data"]["products"]["nodes"]) == 50
        assert codes(execute(router, query, variables={"n": 51})) == ["OPERATION_TOO_LARGE"]
    router.stop()


def test_a_variable_that_does_not_fit_is_refused_as_such(router: Process, execute: Execute) -> None:
    query = "query ($n: Int) { products(first: $n) { nodes { name } } }"
    assert codes(execute(router, query, variables={"n": "100000"})) == ["BAD_USER_INPUT"]

"""Bounds on the form of a document, on the errors it is answered with, and on what these tell."""

from typing import Any

import httpx
import pytest
from graphql import get_introspection_query

from tests.router.processes import Execute, Process, Starter
from tests.router.recording_subgraphs import SEEN


def nested(levels: int) -> str:
    return "{ order(id: 1) " + "{ user { orders " * levels + "{ id }" + "} }" * levels + " }"


def doubling(levels: int) -> str:
    fragments = [
        f"fragment F{n} on User {{ ...F{n + 1} orders {{ user {{ ...F{n + 1} }} }} }}" for n in range(levels)
    ]
    return "{ me { ...F0 } } " + " ".join(fragments) + f" fragment F{levels} on User {{ id }}"


def renames(count: int) -> str:
    return " ".join(f'r{n}: rename(username: "x{n}") {{ id }}' for n in range(count))


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (nested(10), "OPERATION_TOO_LARGE"),
        ("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(61)) + " }", "OPERATION_TOO_LARGE"),
        (doubling(30), "OPERATION_TOO_LARGE"),
        ("{ " + "me { id } " * 1500 + "}", "GRAPHQL_PARSE_FAILED"),
        ("{ " + "me { id } " * 21 + "}", "OPERATION_TOO_LARGE"),
        ("{ ...F } fragment F on Query { " + "me { id } " * 21 + "}", "OPERATION_TOO_LARGE"),
        ("{ ...F ...F ...F } fragment F on Query { " + "me { id } " * 7 + "}", "OPERATION_TOO_LARGE"),
        ("{ ... { ... on Query { " + "me { id } " * 21 + "} } }", "OPERATION_TOO_LARGE"),
        ("mutation { " + renames(11) + " }", "OPERATION_TOO_LARGE"),
        ("mutation { ...F } fragment F on Mutation { " + renames(60) + " }", "OPERATION_TOO_LARGE"),
        ("{ me { id } } mutation M { " + renames(11) + " }", "OPERATION_TOO_LARGE"),
    ],
    ids=[
        "depth",
        "aliases",
        "fragments that double",
        "tokens",
        "root fields",
        "root fields in a fragment",
        "root fields in a fragment spread three times",
        "root fields in inline fragments",
        "mutations",
        "mutations in a fragment",
        "mutations in another operation",
    ],
)
def test_a_document_past_the_limits_is_refused(
    router: Process, execute: Execute, operation: str, code: str
) -> None:
    options: dict[str, Any] = {"operationName": "M"} if "mutation M" in operation else {}
    codes = {error["extensions"]["code"] for error in execute(router, operation, **options).json()["errors"]}
    assert codes == {code}
    assert not any(seen.requests or seen.calls for seen in SEEN.values())


def test_a_subscription_has_one_root_field(router: Process) -> None:
    two = "subscription { ...F } fragment F on Subscription { a: orderStatus(orderId: 1) { seq } b: orderStatus(orderId: 1) { seq } }"
    headers = {"accept": "text/event-stream", "authorization": "Bearer t"}
    answer = httpx.post(f"{router.url}/graphql", json={"query": two}, headers=headers)
    assert "The operation is too large: rootFields is 2, the limit is 1." in answer.text
    assert SEEN["orders"].opened == 0


def test_introspection_as_explorers_send_it_is_within_the_limits(router: Process, execute: Execute) -> None:
    assert "errors" not in execute(router, get_introspection_query(input_value_deprecation=True)).json()


def test_a_document_with_many_faults_gets_a_few_errors(router: Process, execute: Execute) -> None:
    operation = "{ me { id " + " ".join(f"@nope{n}" for n in range(60)) + " } }"
    errors = execute(router, operation).json()["errors"]
    assert len(errors) == 11
    assert errors[-1]["message"] == "Too many validation errors, error limit reached. Validation aborted."


# ---- introspection and explorer ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed_router(start_router: Starter) -> Process:
    return start_router(ROUTER_INTROSPECTION="false", ROUTER_EXPLORER="false")


def test_introspection_can_be_turned_off(closed_router: Process, execute: Execute) -> None:
    for query in ("{ __schema { types { name } } }", '{ __type(name: "User") { name } }'):
        errors = execute(closed_router, query).json()["errors"]
        assert {error["extensions"]["code"] for error in errors} == {"GRAPHQL_VALIDATION_FAILED"}
        assert "introspection" in errors[0]["message"]
    assert execute(closed_router, "{ __typename }").json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ produc(id: 1) { id } }", 'Cannot query field "produc" on type "Query".'),
        ("{ product(ide: 1) { id } }", 'Unknown argument "ide" on field "Query.product".'),
    ],
)
def test_without_introspection_errors_suggest_no_names(
    router: Process, closed_router: Process, execute: Execute, query: str, message: str
) -> None:
    assert execute(router, query).json()["errors"][0]["message"].startswith(message + " Did you mean ")
    assert execute(closed_router, query).json()["errors"][0]["message"] == message


def test_the_explorer_can_be_turned_off(closed_router: Process) -> None:
    page = httpx.get(f"{closed_router.url}/graphql", headers={"accept": "text/html"})
    assert page.status_code == 406
    assert "<title>" not in page.text

"""The table of errors: complete, and the same in every direction."""

from http import HTTPStatus

import pytest
from graphql import GraphQLInterfaceType, build_schema

from clients.rest import errors
from clients.rest.errors import RETRY_AFTER_SECONDS, TABLE
from clients.rest.responses import MEANINGS
from subgraphs.kit.errors import DomainError
from tests.clients.rest.stub_router import API


def test_no_implementation_of_error_is_left_out_of_the_table() -> None:
    schema = build_schema(API.read_text())
    interface = schema.type_map["Error"]
    assert isinstance(interface, GraphQLInterfaceType)
    implementations = {t.name for t in schema.get_possible_types(interface)}
    assert implementations == {row.typename for row in TABLE if row.typename}


def test_every_shared_error_has_the_status_that_the_table_gives_its_code() -> None:
    statuses = {row.code: row.status for row in TABLE}
    kinds = DomainError.__subclasses__()
    of_kit = {k.code: k.http_status for k in kinds if k.__module__ == "subgraphs.kit.errors"}
    assert of_kit
    assert {code: statuses[code] for code in of_kit} == of_kit


def test_names_in_the_table_are_unique() -> None:
    names = [n for row in TABLE for n in (row.code, row.typename, *row.aliases) if n]
    assert len(names) == len(set(names))


def test_every_status_has_a_description() -> None:
    assert {row.status for row in TABLE} <= set(MEANINGS)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("input.items.0.productId", "items.0.product_id"),
        ("zipCode", "zip_code"),
        ("after", "cursor"),
        ("idempotencyKey", "Idempotency-Key"),
        ("sku", "sku"),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_argument_paths_are_told_in_the_words_of_rest(path: object, field: str | None) -> None:
    error = errors.from_error_type(
        {"__typename": "ValidationError", "code": "X", "message": "m", "field": path}
    )
    assert error.field == field


def test_an_unknown_type_is_known_by_its_code() -> None:
    error = errors.from_error_type({"__typename": "NewError", "code": "CONFLICT", "message": "Taken."})
    assert (error.status, error.code, error.message) == (HTTPStatus.CONFLICT, "CONFLICT", "Taken.")


def test_an_unknown_type_and_code_is_masked() -> None:
    error = errors.from_error_type({"__typename": "NewError", "code": "NEW", "message": "secret"})
    assert (error.status, error.code) == (HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL")
    assert "secret" not in error.message


def test_the_first_error_that_the_table_knows_decides() -> None:
    faults = [
        {"message": "Cannot read properties of undefined"},
        {"message": "no", "extensions": {"code": "FORBIDDEN"}},
        {"message": "down", "extensions": {"code": "UNAVAILABLE"}},
    ]
    assert errors.from_graphql(faults, operation="Me").status == HTTPStatus.FORBIDDEN


def test_what_a_dependency_says_of_its_outage_is_masked() -> None:
    fault = {
        "message": "connect ECONNREFUSED 10.0.0.7:4003",
        "extensions": {"code": "DOWNSTREAM_SERVICE_ERROR"},
    }
    error = errors.from_graphql([fault], operation="Me")
    assert (error.status, error.code) == (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE")
    assert "10.0.0.7" not in error.message
    assert error.headers() == {"Retry-After": str(RETRY_AFTER_SECONDS)}


def test_a_rate_limit_says_how_long_to_wait() -> None:
    node = {
        "__typename": "RateLimitedError",
        "code": "RATE_LIMITED",
        "message": "Slow down.",
        "retryAfter": 30,
    }
    assert errors.from_error_type(node).headers() == {"Retry-After": "30"}

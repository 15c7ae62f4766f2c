"""What a client sees of an error: a code and a message always, insides never."""

import importlib
from typing import Annotated, Any

import grpc
import pytest
import strawberry
from asyncpg.exceptions import CannotConnectNowError, TooManyConnectionsError, UniqueViolationError
from graphql import GraphQLError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from subgraphs.kit.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    RateLimited,
    Unavailable,
    ValidationFailed,
)
from subgraphs.kit.graphql.errors import (
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
    errors_as_data,
    present,
)
from subgraphs.kit.mongo.client import ConnectionFailure
from tests.harness.samples import sample

# What a driver raises is known as an outage once the module that wraps it is loaded.
importlib.import_module("subgraphs.kit.grpc.client")
importlib.import_module("subgraphs.kit.postgres.engine")
importlib.import_module("subgraphs.kit.redis.client")

_SECRET = "postgresql://secret@10.0.0.7/orders"


class _Outage(grpc.RpcError):  # type: ignore[misc] # not generic at run time
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


def _raised(error: Exception) -> GraphQLError:
    presented = present(GraphQLError("raw", original_error=error))
    assert presented.extensions["requestId"]
    return presented


@pytest.mark.parametrize(
    ("error", "extensions"),
    [
        (ValidationFailed("m", field="first"), {"code": "VALIDATION_FAILED", "field": "first"}),
        (ValidationFailed("m"), {"code": "VALIDATION_FAILED"}),
        (NotFound("m"), {"code": "NOT_FOUND"}),
        (Forbidden("m"), {"code": "FORBIDDEN"}),
        (RateLimited("m", retry_after=7), {"code": "RATE_LIMITED", "retryAfter": 7}),
        (Unavailable("m"), {"code": "UNAVAILABLE"}),
    ],
)
def test_a_domain_error_is_shown_as_it_is(error: DomainError, extensions: dict[str, Any]):
    presented = _raised(error)
    assert presented.message == "m"
    del presented.extensions["requestId"]
    assert presented.extensions == extensions


def _database(error: type[Exception]) -> DBAPIError:
    original = error(_SECRET)
    original.sqlstate = getattr(error, "sqlstate", None)  # type: ignore[attr-defined]
    return DBAPIError(f"SELECT {_SECRET}", {}, original)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(_SECRET),
        TimeoutError(_SECRET),
        RedisConnectionError(_SECRET),
        RedisError(_SECRET),
        ConnectionFailure(_SECRET),
        PoolTimeoutError(_SECRET),
        _database(ConnectionRefusedError),
        _database(CannotConnectNowError),
        _database(TooManyConnectionsError),
        DBAPIError("SELECT", {}, Exception(_SECRET), connection_invalidated=True),
        _Outage(),
    ],
)
def test_an_outage_of_a_dependency_is_unavailable_and_names_nothing(error: Exception):
    presented = _raised(error)
    assert presented.extensions["code"] == "UNAVAILABLE"
    assert presented.message == "A part of the system cannot be reached at the moment; try again."


@pytest.mark.parametrize(
    "error",
    [
        KeyError(_SECRET),
        RuntimeError(_SECRET),
        IntegrityError(f"INSERT {_SECRET}", {}, UniqueViolationError(_SECRET)),
        _database(UniqueViolationError),
    ],
)
def test_a_fault_of_ours_is_internal_and_names_nothing(error: Exception):
    presented = _raised(error)
    assert presented.extensions["code"] == "INTERNAL"
    assert presented.message == "Something went wrong on our side; try again later."


def test_an_error_inside_of_others_is_found():
    inner = GraphQLError("raw", original_error=NotFound("m"))
    assert _raised(GraphQLError("raw", original_error=inner)).message == "m"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GraphQLError("Syntax Error: Unexpected <EOF>."), "GRAPHQL_PARSE_FAILED"),
        (GraphQLError("Cannot query field 'x'."), "GRAPHQL_VALIDATION_FAILED"),
        (GraphQLError("Variable '$a' got invalid value 1; String expected."), "BAD_USER_INPUT"),
        (GraphQLError("too deep", extensions={"code": "TOO_DEEP"}), "TOO_DEEP"),
    ],
)
def test_a_request_that_is_at_fault_keeps_its_message_and_gets_a_code(error: GraphQLError, code: str):
    presented = present(error)
    assert (presented.message, presented.extensions["code"]) == (error.message, code)


@strawberry.type
class Done:
    done: bool


Result = Annotated[Done | NotFoundError | ConflictError | ValidationError, strawberry.union("Result")]


class Stale(Conflict):
    """A subclass without a type of its own."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFound("m"), NotFoundError(code="NOT_FOUND", message="m")),
        (Stale("m"), ConflictError(code="CONFLICT", message="m")),
        (
            ValidationFailed("m", field="f"),
            ValidationError(code="VALIDATION_FAILED", message="m", field="f"),
        ),
    ],
)
async def test_an_error_that_the_union_lists_is_data(error: DomainError, expected: object):
    @errors_as_data
    async def resolver() -> Result:
        raise error

    assert await resolver() == expected


@pytest.mark.parametrize("error", [Forbidden("m"), Unavailable("m"), KeyError("m")])
async def test_an_error_that_the_union_does_not_list_stays_an_error(error: Exception):
    @errors_as_data
    async def resolver() -> Result:
        raise error

    with pytest.raises(type(error)) as raised:
        await resolver()
    assert raised.value is error


def test_the_permission_error_is_named_as_the_api_names_it():
    assert PermissionDeniedError.__strawberry_definition__.name == "PermissionError"


def test_each_error_that_is_shown_is_counted_by_its_code() -> None:
    before = {code: sample("graphql_errors_total", code=code) for code in ("INTERNAL", "NOT_FOUND")}
    _raised(RuntimeError(_SECRET))
    _raised(RuntimeError(_SECRET))
    _raised(NotFound("m"))
    assert sample("graphql_errors_total", code="INTERNAL") - before["INTERNAL"] == 2
    assert sample("graphql_errors_total", code="NOT_FOUND") - before["NOT_FOUND"] == 1

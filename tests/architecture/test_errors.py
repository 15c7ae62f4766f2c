"""Every domain error has a stable code, one GraphQL form and one HTTP status; none is left out."""

import importlib
from collections.abc import Iterator

import pytest

from clients.rest.errors import TABLE
from subgraphs.kit.errors import DomainError, Unavailable
from subgraphs.kit.graphql import errors as graphql_errors
from subgraphs.kit.grpc.server import STATUS

MODULES = [
    "subgraphs.users.domain.errors",
    "subgraphs.users.graphql.schema",
    "subgraphs.products.graphql.schema",
    "subgraphs.orders.domain.errors",
    "subgraphs.orders.graphql.schema",
]
# A top-level GraphQL error by its code: the request failed, and nobody's input is at fault.
TOP_LEVEL = {Unavailable}


def _below(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in error.__subclasses__():
        yield child
        yield from _below(child)


for module in MODULES:
    importlib.import_module(module)
ERRORS = sorted(set(_below(DomainError)), key=lambda e: e.__qualname__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: e.__name__)
def test_error_has_a_graphql_type_and_a_status(error: type[DomainError]) -> None:
    assert error.code != DomainError.code, "no stable code of its own or its parent's"
    row = next((r for r in TABLE if r.code == error.code), None)
    assert row is not None, "unknown to REST"
    assert row.status == error.http_status
    if error not in TOP_LEVEL:
        registered = [graphql_errors._TYPES[c] for c in error.__mro__ if c in graphql_errors._TYPES]
        assert registered, "no GraphQL type"
        graphql_type, _ = registered[0]
        definition = graphql_type.__strawberry_definition__
        assert row.typename == definition.name


def test_each_base_error_has_a_grpc_status() -> None:
    kit = {e for e in ERRORS if e.__module__ == "subgraphs.kit.errors"}
    assert kit == set(STATUS)

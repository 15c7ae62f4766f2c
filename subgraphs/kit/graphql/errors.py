"""User errors as data, and everything else presented without its insides."""

import functools
import typing
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ParamSpec, Protocol, TypeVar

import strawberry
from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from subgraphs.kit import errors as domain
from subgraphs.kit.graphql.limits import MAX_ERRORS
from subgraphs.kit.http.responses import current_request_id
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import GRAPHQL_ERRORS
from subgraphs.kit.outages import is_outage

log = get_logger(__name__)


@strawberry.interface(description="What every error of a mutation's result carries.")
class Error:
    code: str = strawberry.field(description="Stable, for programs.")
    message: str = strawberry.field(description="What happened and what to do, for people.")


@strawberry.federation.type(shareable=True, description="An input that is not valid.")
class ValidationError(Error):
    field: str | None = strawberry.field(default=None, description="The input field, dotted where nested.")


@strawberry.federation.type(
    shareable=True, description="What was asked for does not exist, or the account may not see it."
)
class NotFoundError(Error):
    pass


@strawberry.federation.type(
    shareable=True, description="The change contradicts the present state; read and retry."
)
class ConflictError(Error):
    pass


@strawberry.federation.type(
    name="PermissionError", shareable=True, description="The account may not do this."
)
class PermissionDeniedError(Error):
    pass


@strawberry.federation.type(shareable=True, description="Nobody is logged in, or the credentials are wrong.")
class AuthenticationError(Error):
    pass


@strawberry.federation.type(shareable=True, description="Too many attempts.")
class RateLimitedError(Error):
    retry_after: int = strawberry.field(description="Seconds to wait.")


class ToGraphQL(Protocol):
    def __call__(self, error: Any, /) -> Error: ...


_TYPES: dict[type[domain.DomainError], tuple[type[Error], ToGraphQL]] = {}


def register(error: type[domain.DomainError], graphql_type: type[Error], convert: ToGraphQL) -> None:
    """Name the GraphQL type that stands for `error`; a slice registers its own once, at import."""
    _TYPES[error] = (graphql_type, convert)


def _plain(graphql_type: type[Error]) -> ToGraphQL:
    return lambda error: graphql_type(code=error.code, message=error.message)


register(
    domain.ValidationFailed,
    ValidationError,
    lambda e: ValidationError(code=e.code, message=e.message, field=e.field),
)
register(domain.NotFound, NotFoundError, _plain(NotFoundError))
register(domain.Conflict, ConflictError, _plain(ConflictError))
register(domain.Forbidden, PermissionDeniedError, _plain(PermissionDeniedError))
register(domain.Unauthenticated, AuthenticationError, _plain(AuthenticationError))
register(
    domain.RateLimited,
    RateLimitedError,
    lambda e: RateLimitedError(code=e.code, message=e.message, retry_after=e.retry_after),
)

P = ParamSpec("P")
R = TypeVar("R")


def errors_as_data(resolver: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Return a domain error as the member of the result union that stands for it.

    One that the union does not list stays an exception and becomes a top-level error with its code.
    """

    @functools.wraps(resolver)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await resolver(*args, **kwargs)
        except domain.DomainError as error:
            for error_class in type(error).__mro__:
                graphql_type, convert = _TYPES.get(error_class, (None, None))
                if convert is not None and graphql_type in _members(resolver):
                    return typing.cast("R", convert(error))
            raise

    return wrapper


@functools.cache
def _members(resolver: Callable[..., object]) -> frozenset[object]:
    """The types of the resolver's result union."""
    annotation = typing.get_type_hints(resolver, include_extras=False).get("return")
    return frozenset(typing.get_args(annotation))


def present(error: GraphQLError) -> GraphQLError:
    """`error` as a client may see it: a code and a message always, insides never."""
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if isinstance(original, domain.DomainError):
        code, message = original.code, original.message
    elif original is None:
        code, message = _request_error_code(error), error.message
    elif is_outage(original):
        log.warning("dependency_unavailable", error=repr(original), path=error.path)
        code, message = (
            domain.Unavailable.code,
            "A part of the system cannot be reached at the moment; try again.",
        )
    else:
        log.error("unexpected_error", path=error.path, exc_info=original)
        code, message = domain.DomainError.code, "Something went wrong on our side; try again later."
    GRAPHQL_ERRORS.labels(code).inc()
    extensions = {**(error.extensions or {}), "code": code, "requestId": current_request_id()}
    if isinstance(original, domain.RateLimited):
        extensions["retryAfter"] = original.retry_after
    if isinstance(original, domain.ValidationFailed) and original.field:
        extensions["field"] = original.field
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def _request_error_code(error: GraphQLError) -> str:
    if error.extensions and "code" in error.extensions:
        return str(error.extensions["code"])
    if error.message.startswith("Syntax Error"):
        return "GRAPHQL_PARSE_FAILED"
    if error.message.startswith("Variable ") and "invalid value" in error.message:
        return "BAD_USER_INPUT"
    return "GRAPHQL_VALIDATION_FAILED" if error.path is None else domain.DomainError.code


class PresentErrors(SchemaExtension):
    """Presents the errors of every result, of each event of a subscription too."""

    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        if isinstance(result, ExecutionResult | GraphQLExecutionResult):
            present_all(result)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        present_all(result)
        yield


def present_all(result: Any) -> None:
    """Present the first errors of `result` in place; those that are presented already stay as they are."""
    if getattr(result, "errors", None):
        shown = result.errors[:MAX_ERRORS]
        result.errors = [e if "requestId" in (e.extensions or {}) else present(e) for e in shown]

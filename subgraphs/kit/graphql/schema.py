"""The federated schema of a subgraph: admitted operations, batched entities, a deadline."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator, Sequence
from copy import copy
from typing import Any, Self, TypeVar, cast

from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    Undefined,
    execute,
)
from strawberry import Info
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.federation import Schema
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionResult, PreExecutionError

from subgraphs.kit.graphql.context import Connection
from subgraphs.kit.graphql.documents import Documents, InvalidDocumentError
from subgraphs.kit.graphql.errors import PresentErrors, present_all
from subgraphs.kit.graphql.execution.strawberry import executor_class
from subgraphs.kit.graphql.limits import TIMEOUT, Limits
from subgraphs.kit.graphql.scalars import SCALARS
from subgraphs.kit.logs import get_logger
from subgraphs.kit.tracing import span

log = get_logger(__name__)


R = TypeVar("R")
Result = ExecutionResult | GraphQLExecutionResult


class NotRunError(Exception):
    """A document without an operation of that name, or one that is a subscription."""


class _UsePrepared(SchemaExtension):
    """Gives Strawberry the document that was parsed and validated when the operation was admitted."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query is not None:
            schema = cast("SubgraphSchema", context.schema)
            context.graphql_document = schema.documents.prepared(context.query).document
        yield

    def on_validate(self) -> Iterator[None]:
        if self.execution_context.query is not None:
            self.execution_context.pre_execution_errors = []
        yield


class SubgraphSchema(Schema):
    """A federation 2.9 subgraph schema.

    An entity type has `resolve_references(cls, info, representations)`: a classmethod that answers all
    representations of its type in one call, in their order, None for what does not exist.
    """

    def __init__(
        self,
        *,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        types: Sequence[type] = (),
    ) -> None:
        self.entities_resolver = _entities_resolver()  # type: ignore[method-assign]
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            extensions=[PresentErrors, _UsePrepared],
            execution_context_class=executor_class(),
            config=StrawberryConfig(scalar_map=SCALARS),
            # Strawberry's default is newer than what some composers accept.
            federation_version="2.9",
        )
        _drop_null_defaults(self._schema)
        self.documents = Documents(self._schema, Limits())

    def limited(self, limits: Limits) -> Self:
        """The same schema under other limits, with documents of its own."""
        schema = copy(self)
        schema.documents = Documents(self._schema, limits)
        return schema

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        *args: Any,
        **options: Any,
    ) -> ExecutionResult:
        """Run a query or mutation that the limits admit, for as long as they give it."""
        name = options.get("operation_name")
        if refusal := self._refusal(query, variable_values, name):
            return refusal
        running = super().execute(query, variable_values, context_value, *args, **options)
        plan = self.documents.prepared(query).plans.get(name) if query else None
        return await self._in_time(running, name, plan.kind if plan else OperationType.QUERY)

    async def run(
        self,
        query: str,
        variables: dict[str, Any] | None,
        context: Any,
        operation_name: str | None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> Result:
        """As `execute`, without the frame that Strawberry has for extensions; the errors are presented.

        Raises NotRunError for what is neither a query nor a mutation.
        """
        try:
            prepared = self.documents.admit(query, variables, operation_name)
        except InvalidDocumentError as error:
            return _presented(error.errors)
        plan = prepared.plans.get(operation_name)
        if plan is None or plan.kind is OperationType.SUBSCRIPTION:
            raise NotRunError
        running = execute(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            executor_class=self.execution_context_class,
            is_awaitable=cast("Any", optimized_is_awaitable),
            **self._get_custom_context_kwargs(operation_extensions),
        )
        result: Result
        if isinstance(running, GraphQLExecutionResult):
            result = running
        else:
            result = await self._in_time(running, operation_name, plan.kind)
        present_all(result)
        return result

    async def _in_time(
        self, running: Awaitable[R], operation: str | None, kind: OperationType
    ) -> R | PreExecutionError:
        limit = self.documents.limits.timeout
        deadline = asyncio.timeout(limit)
        attributes = {"graphql.operation.type": kind.value}
        if operation:
            attributes["graphql.operation.name"] = operation
        try:
            async with deadline:
                with span(f"{kind.value} {operation or ''}".rstrip(), attributes=attributes):
                    return await running
        except TimeoutError:
            if not deadline.expired():
                raise
            log.warning("operation_timed_out", operation=operation, seconds=limit)
            error = GraphQLError(
                f"The operation took longer than {limit:g} s and was given up; ask for less, or try again.",
                extensions={"code": TIMEOUT},
            )
            return _presented([error])

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Run a subscription of a WebSocket, which holds many, with a context of its own.

        Queries and mutations are for HTTP, where the limits of the edge hold for each of them.
        """
        name = options.get("operation_name")
        refusal = self._refusal(query, variable_values, name)
        if not refusal and query and not self._is_subscription(query, name):
            error = GraphQLError(
                "A WebSocket is for subscriptions; send queries and mutations over HTTP.",
                extensions={"code": "BAD_REQUEST"},
            )
            refusal = _presented([error])
        if refusal:
            return _only(refusal)
        context = context_value
        if isinstance(context_value, Connection):
            context = await context_value.operation_context()
        return await super().stream(query, variable_values, context, *args, **options)

    def _refusal(
        self, query: str | None, variables: dict[str, Any] | None, operation: str | None
    ) -> PreExecutionError | None:
        if not query:
            return None  # Strawberry says that there is none
        try:
            self.documents.admit(query, variables, operation)
        except InvalidDocumentError as error:
            return _presented(error.errors)
        return None

    def _is_subscription(self, query: str, operation: str | None) -> bool:
        plan = self.documents.prepared(query).plans.get(operation)
        return plan is None or plan.kind is OperationType.SUBSCRIPTION

    def _get_custom_context_kwargs(
        self, operation_extensions: dict[str, Any] | None = None, *, sync: bool = False
    ) -> dict[str, Any]:
        # A wrong value of a variable is found in execution, and its error would name the right ones.
        kwargs = super()._get_custom_context_kwargs(operation_extensions, sync=sync)
        return {**kwargs, "hide_suggestions": not self.documents.limits.introspection}

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Nothing: `present` logs what deserves it, once and with the request's id."""


def _presented(errors: list[GraphQLError]) -> PreExecutionError:
    result = PreExecutionError(data=None, errors=errors)
    present_all(result)
    return result


async def _only(result: PreExecutionError) -> AsyncGenerator[PreExecutionError, None]:
    yield result


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """Show `after: String` where Strawberry makes `after: String = null` of a Python default.

    Absent and null mean the same there, and absent reaches the resolver as its own default.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            _drop(type_.fields.values())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                _drop(field.args.values())


def _drop(inputs: Iterable[GraphQLArgument | GraphQLInputField]) -> None:
    for one in inputs:
        if one.default_value is None:
            one.default_value = Undefined


def _entities_resolver() -> Any:
    """A resolver of its own for each schema, since Strawberry writes the return type onto it."""

    async def entities_resolver(info: Info, representations: list[FederationAny]) -> list[FederationAny]:
        wanted: defaultdict[str, list[int]] = defaultdict(list)
        keys: list[dict[str, Any]] = [
            dict(r) if isinstance(r, dict) else {} for r in cast("list[Any]", representations)
        ]
        results: list[Any] = [None] * len(keys)
        for index, key in enumerate(keys):
            typename = str(key.pop("__typename", ""))
            if isinstance(key.get("id"), str):
                wanted[typename].append(index)
            else:
                results[index] = GraphQLError(
                    f"a representation of {typename!r} needs an id, a string",
                    extensions={"code": "BAD_USER_INPUT"},
                )
        for typename, indexes in wanted.items():
            batch = [keys[i] for i in indexes]
            for index, entity in zip(indexes, await _resolve(info, typename, batch), strict=True):
                results[index] = entity
        return results

    return entities_resolver


async def _resolve(info: Info, typename: str, batch: list[dict[str, Any]]) -> Sequence[Any]:
    """The entities of one type; an exception in place of each where none can be had.

    An exception as a value fails its own position only, so an unknown type or an outage of one store
    leaves the other entities of the request alone.
    """
    concrete = info.schema.schema_converter.type_map.get(typename)
    origin = getattr(getattr(concrete, "definition", None), "origin", None)
    resolve = getattr(origin, "resolve_references", None)
    if resolve is None:
        error = GraphQLError(
            f"{typename!r} is not an entity of this subgraph", extensions={"code": "BAD_USER_INPUT"}
        )
        return [error] * len(batch)
    try:
        entities: Sequence[Any] = await resolve(info, batch)
    except Exception as error:  # noqa: BLE001 - presented per position by `present`
        return [error] * len(batch)
    return entities

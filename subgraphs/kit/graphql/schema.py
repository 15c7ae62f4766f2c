"""The federated schema of a subgraph: cached parsing and validation, batched entities, limits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from strawberry import Info
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.extensions.max_aliases import create_validator as alias_rule
from strawberry.extensions.query_depth_limiter import create_validator as depth_rule
from strawberry.federation import Schema
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig

from subgraphs.kit.graphql.context import Connection
from subgraphs.kit.graphql.errors import PresentErrors
from subgraphs.kit.graphql.scalars import SCALARS

# The router plans queries of its own below what it lets in; these bound a caller that goes around it.
MAX_TOKENS = 5000
MAX_DEPTH = 15
MAX_ALIASES = 200
_CACHED_DOCUMENTS = 512

# Built once: rules that are new in each request would never meet their own entry in the cache.
_RULES = [depth_rule(MAX_DEPTH, None), alias_rule(MAX_ALIASES)]

_EXTENSIONS: list[Any] = [
    PresentErrors,
    lambda: MaxTokensLimiter(MAX_TOKENS),
    lambda: AddValidationRules(list(_RULES)),
    lambda: ParserCache(maxsize=_CACHED_DOCUMENTS),
    lambda: ValidationCache(maxsize=_CACHED_DOCUMENTS),
]


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
        extensions: Sequence[type[SchemaExtension]] = (),
    ) -> None:
        self.entities_resolver = _entities_resolver()  # type: ignore[method-assign]
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            extensions=[*_EXTENSIONS, *extensions],
            config=StrawberryConfig(scalar_map=SCALARS),
            # Strawberry's default is newer than what some composers accept.
            federation_version="2.9",
        )
        _drop_null_defaults(self._schema)

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Run an operation of a WebSocket, which holds many, with a context of its own."""
        context = await context_value.operation_context() if isinstance(context_value, Connection) else None
        return await super().stream(query, variable_values, context, *args, **options)

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Nothing: `present` logs what deserves it, once and with the request's id."""


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

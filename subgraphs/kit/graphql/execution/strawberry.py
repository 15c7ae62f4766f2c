"""Compiled execution of a Strawberry schema."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import GraphQLAbstractType, GraphQLField, GraphQLObjectType, GraphQLUnionType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import get_object_definition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE
from strawberry.types.field import StrawberryField

from subgraphs.kit.graphql.execution.executor import CompiledExecution
from subgraphs.kit.graphql.execution.specialisation import CompiledOperations, Prefetch

_PREFETCHED = "prefetched"


@dataclass(frozen=True, slots=True)
class _Prefetched:
    attribute: str
    load: Prefetch


def prefetched(attribute: str, load: Prefetch) -> dict[str, object]:
    """Metadata of a field whose value `load` leaves in `attribute` of many objects at once, before they are completed.

    Where the attribute is `strawberry.UNSET` the resolver is called, as it always is for an object by itself. So `load`
    is allowed to fail, and to leave out what the resolver shall say more of.
    """
    return {_PREFETCHED: _Prefetched(attribute, load)}


def attribute_of(field: GraphQLField) -> str | None:
    """The attribute that a field without resolver, extension or permission reads, or where its value was prefetched.

    None for any other.
    """
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField):
        return None
    if not definition.is_basic_field:
        ready = _prefetched_of(definition)
        return ready.attribute if ready else None
    # The name tells whether an exception handler was put around it.
    reads = getattr(field.resolve, "__name__", "") == "_get_basic_result"
    return definition.python_name if reads and definition.default_resolver is getattr else None


def _prefetched_of(definition: StrawberryField) -> _Prefetched | None:
    found = definition.metadata.get(_PREFETCHED)
    # Permissions and extensions stand before a resolver; nothing may go around them.
    guarded = definition.permission_classes or definition.extensions
    return found if isinstance(found, _Prefetched) and not guarded else None


def prefetch_of(field: GraphQLField) -> Prefetch | None:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    ready = _prefetched_of(definition) if isinstance(definition, StrawberryField) else None
    return ready.load if ready else None


@cache
def is_object(class_: type) -> bool:
    """Whether `class_` is one of Strawberry's object types, whose objects are nothing else beside."""
    awaitable = issubclass(class_, Exception) or hasattr(class_, "__await__")
    return get_object_definition(class_) is not None and not awaitable


def type_of_class(abstract: GraphQLAbstractType, class_: type) -> GraphQLObjectType | None:
    """The member of a union whose objects are of `class_`; None where that depends on the object, as for generics."""
    definition = get_object_definition(class_)
    if definition is None or definition.is_graphql_generic or not isinstance(abstract, GraphQLUnionType):
        return None
    types: tuple[GraphQLObjectType, ...] = tuple(abstract.types)
    backref = GraphQLCoreConverter.DEFINITION_BACKREF
    return next((type_ for type_ in types if type_.extensions.get(backref) is definition), None)


def executor_class() -> type[StrawberryGraphQLCoreExecutionContext]:
    """An executor class for one schema, whose compiled operations no other schema shares."""

    class _Compiled(CompiledExecution, StrawberryGraphQLCoreExecutionContext):
        operations = CompiledOperations()

        @staticmethod
        def reads_attribute(field: GraphQLField) -> str | None:
            return attribute_of(field)

        is_object = staticmethod(is_object)
        prefetch_of = staticmethod(prefetch_of)

        @staticmethod
        def type_of_class(abstract: GraphQLAbstractType, class_: type) -> GraphQLObjectType | None:
            return type_of_class(abstract, class_)

        @staticmethod
        def names_own_type(value: Any) -> bool:
            return hasattr(value, TYPE_CAST_ATTRIBUTE)

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)

    return _Compiled

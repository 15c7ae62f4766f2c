"""Compiled execution of a Strawberry schema."""

from typing import Any

from graphql import GraphQLAbstractType, GraphQLField, GraphQLObjectType, GraphQLUnionType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import get_object_definition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE
from strawberry.types.field import StrawberryField

from subgraphs.kit.graphql.execution.executor import CompiledExecution
from subgraphs.kit.graphql.execution.specialisation import CompiledOperations


def attribute_of(field: GraphQLField) -> str | None:
    """The attribute that a field without resolver, extension or permission reads; None for any other."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField) or not definition.is_basic_field:
        return None
    # The name tells whether an exception handler was put around it.
    reads = getattr(field.resolve, "__name__", "") == "_get_basic_result"
    return definition.python_name if reads and definition.default_resolver is getattr else None


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

        @staticmethod
        def type_of_class(abstract: GraphQLAbstractType, class_: type) -> GraphQLObjectType | None:
            return type_of_class(abstract, class_)

        @staticmethod
        def names_own_type(value: Any) -> bool:
            return hasattr(value, TYPE_CAST_ATTRIBUTE)

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)

    return _Compiled

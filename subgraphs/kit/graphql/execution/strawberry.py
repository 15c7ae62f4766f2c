"""Compiled execution of a Strawberry schema."""

from typing import Any

from graphql import GraphQLField
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
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


def executor_class() -> type[StrawberryGraphQLCoreExecutionContext]:
    """An executor class for one schema, whose compiled operations no other schema shares."""

    class _Compiled(CompiledExecution, StrawberryGraphQLCoreExecutionContext):
        operations = CompiledOperations()

        @staticmethod
        def reads_attribute(field: GraphQLField) -> str | None:
            return attribute_of(field)

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)

    return _Compiled

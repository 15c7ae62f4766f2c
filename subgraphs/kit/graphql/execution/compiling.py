"""An executor of graphql-core that completes objects by compiled code."""

from typing import Any, ClassVar

from graphql import GraphQLAbstractType, GraphQLField, GraphQLObjectType, GraphQLOutputType
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path, gather_with_cancel

from subgraphs.kit.graphql.execution.codegen import CompleteObject, compile_object
from subgraphs.kit.graphql.execution.specialisation import (
    FALLBACKS,
    CompiledObject,
    CompiledOperation,
    CompiledOperations,
    Prefetch,
    Specialisation,
)


class Compiling(Executor[Any]):
    """Compiles each place of an operation when it is first met, and completes single objects there.

    What a schema is like, its subclasses say.
    """

    operations: ClassVar[CompiledOperations]
    compiled: Specialisation | None

    @staticmethod
    def reads_attribute(field: GraphQLField) -> str | None:
        """The attribute whose value is that of `field`, where its resolver does nothing but read it."""
        del field
        return None

    @staticmethod
    def type_of_class(abstract: GraphQLAbstractType, class_: type) -> GraphQLObjectType | None:
        """The type of every value of `class_` where `abstract` is returned, but of those that name their own.

        None where each value must be looked at.
        """
        del abstract, class_
        return None

    @staticmethod
    def names_own_type(value: Any) -> bool:
        """Whether `value` says itself what type it is, whatever its class."""
        del value
        return False

    @staticmethod
    def is_object(class_: type) -> bool:
        """Whether every value of `class_` is an object with fields: neither awaitable nor an exception.

        Asked of the value of each field that is an object; what it answers for a class must not change.
        """
        del class_
        return False

    @staticmethod
    def prefetch_of(field: GraphQLField) -> Prefetch | None:
        """What loads the values of `field` for many sources at once, where there is such a thing."""
        del field
        return None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.compiled = None
        operation = self.operations.of(self.operation, self.fragment_definitions)
        if reason := self._fallback(operation):
            FALLBACKS.labels(reason).inc()
        else:
            self.compiled = operation.specialised(self.variable_values.coerced)

    def _fallback(self, operation: CompiledOperation) -> str | None:
        if self.abort_signal is not None:
            return "abort_signal"
        if self.middleware_manager is not None and self.middleware_manager.middlewares:
            return "middleware"
        return operation.fallback

    def execute_root_grouped_field_set(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,  # noqa: FBT001 - graphql-core's signature
        position_context: Any,
    ) -> Any:
        """Run the root by the fields it was first met with, of which all that is compiled below knows the identity."""
        if self.compiled is None:
            return super().execute_root_grouped_field_set(
                root_type, root_value, grouped_field_set, serially, position_context
            )
        if self.compiled.root is None:
            self.compiled.root = (
                grouped_field_set,
                self._compile(self.compiled, root_type, grouped_field_set),
            )
        fields, complete = self.compiled.root
        if serially:
            return self.execute_fields_serially(root_type, root_value, None, fields, None)
        return complete(self, root_value, None)

    def collect_and_execute_subfields(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        if self.compiled is None:
            return super().collect_and_execute_subfields(
                return_type, field_details_list, path, result, position_context
            )
        return self.compiled_object(self.compiled, return_type, field_details_list).complete(
            self, result, path
        )

    def compiled_object(
        self, compiled: Specialisation, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> CompiledObject:
        """What completes objects of `type_` where `details` lead to; compiled at the first call."""
        key = (type_, id(details))
        found = compiled.objects.get(key)
        if found is None:
            fields = self.collect_subfields(type_, details)[0]
            definitions = [type_.fields.get(one[0].node.name.value) for one in fields.values()]
            prefetches = [self.prefetch_of(one) for one in definitions if one is not None]
            found = compiled.objects[key] = CompiledObject(
                details, self._compile(compiled, type_, fields), tuple(one for one in prefetches if one)
            )
        return found

    def _compile(
        self, compiled: Specialisation, type_: GraphQLObjectType, fields: GroupedFieldSet
    ) -> CompleteObject:
        return compile_object(
            type_,
            fields,
            self.reads_attribute,
            lambda below, details: self.compiled_object(compiled, below, details).complete,
        )

    async def completed(
        self, awaitable: Any, item_type: GraphQLOutputType, details: FieldDetailsList, path: Path
    ) -> Any:
        """What `awaitable` gives, or null with its error located, where a value of `item_type` may be null."""
        try:
            return await awaitable
        except Exception as error:  # noqa: BLE001 - located, and raised again where it must be
            self.handle_field_error(error, item_type, details, path)
            return None

    async def gather_fields(self, results: dict[str, Any], pending: list[str]) -> dict[str, Any]:
        """`results`, whose `pending` values are awaited together."""
        if len(pending) == 1:
            results[pending[0]] = await results[pending[0]]
        else:
            awaited = await gather_with_cancel(*(results[name] for name in pending))
            results.update(zip(pending, awaited, strict=True))
        return results

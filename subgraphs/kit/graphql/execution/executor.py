"""An executor of graphql-core that completes objects by compiled code."""

from asyncio import gather
from collections.abc import Awaitable, Iterable
from typing import Any, ClassVar, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    get_nullable_type,
    is_composite_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path, gather_with_cancel

from subgraphs.kit.graphql.execution.codegen import CompleteObject, compile_object
from subgraphs.kit.graphql.execution.specialisation import (
    FALLBACKS,
    CompiledObject,
    CompiledOperations,
    Prefetch,
    Specialisation,
)

_new_path = tuple.__new__  # without the named tuple's own constructor, which is a function in Python


class CompiledExecution(Executor[Any]):
    """Runs operations compiled; what it does not compile, graphql-core's own methods run.

    Mix it in before another executor class to keep what that one adds. A subclass for each schema has
    `operations` of its own and says in `reads_attribute` which of its fields are plain attributes.
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
        if reason := self._fallback():
            FALLBACKS.labels(reason).inc()
        else:
            operation = self.operations.of(self.operation, self.fragment_definitions)
            self.compiled = operation.specialised(self.variable_values.coerced)

    def _fallback(self) -> str | None:
        if self.abort_signal is not None:
            return "abort_signal"
        if self.middleware_manager is not None and self.middleware_manager.middlewares:
            return "middleware"
        return self.operations.of(self.operation, self.fragment_definitions).fallback

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
        return self._compiled(self.compiled, return_type, field_details_list).complete(self, result, path)

    def _compiled(
        self, compiled: Specialisation, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> CompiledObject:
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
            lambda below, details: self._compiled(compiled, below, details).complete,
        )

    def complete_iterable_value(  # noqa: PLR0917 - as graphql-core has it
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        """Complete a list of objects in one loop, after what can be loaded for all of them at once."""
        named = get_nullable_type(item_type)
        if self.compiled is None or items.__class__ is not list or not is_composite_type(named):
            return super().complete_iterable_value(
                item_type, field_details_list, info, path, items, position_context
            )
        complete = self._complete_item(self.compiled, named, field_details_list, info)
        prefetches = self._prefetches(self.compiled, named, field_details_list, items)
        if prefetches:
            return self._complete_prefetched(
                prefetches, complete, item_type, field_details_list, info, path, items
            )
        return self._complete_items(complete, item_type, field_details_list, info, path, items)

    def _prefetches(
        self, compiled: Specialisation, named: GraphQLOutputType, details: FieldDetailsList, items: list[Any]
    ) -> list[Awaitable[None]]:
        """What is to be waited for before `items` are completed, each with those that it concerns."""
        by_class: dict[type, list[Any]] = {}
        for item in items:
            by_class.setdefault(item.__class__, []).append(item)
        started: list[Awaitable[None]] = []
        for class_, alike in by_class.items():
            if len(alike) > 1 and self.is_object(class_):
                type_ = named if isinstance(named, GraphQLObjectType) else None
                if isinstance(named, GraphQLAbstractType):
                    type_ = self.type_of_class(named, class_)
                if type_ is not None and type_.is_type_of is None:
                    prefetches = self._compiled(compiled, type_, details).prefetches
                    started += [prefetch(alike, self.context_value) for prefetch in prefetches]
        return started

    async def _complete_prefetched(  # noqa: PLR0917
        self,
        prefetches: list[Awaitable[None]],
        complete: CompleteObject,
        item_type: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: list[Any],
    ) -> Any:
        # What fails here is asked for again by the resolvers, which say why for each item.
        await gather(*prefetches, return_exceptions=True)
        completed = self._complete_items(complete, item_type, details, info, path, items)
        return await completed if self.is_awaitable(completed) else completed

    def _complete_items(  # noqa: PLR0917
        self,
        complete: CompleteObject,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: list[Any],
    ) -> Any:
        completed: list[Any] = []
        pending: list[int] = []
        usual: type | None = None  # the class of the item before, of which this one most often is, too
        index = -1
        try:
            for index, item in enumerate(items):
                item_path = _new_path(Path, (path, index, None))
                if item.__class__ is not usual and self._is_unusual(item):
                    one = self._complete_unusual(item, item_type, field_details_list, info, item_path)
                else:
                    usual = item.__class__
                    try:
                        one = complete(self, item, item_path)
                    except Exception as error:  # noqa: BLE001 - located, and raised again where it must be
                        self.handle_field_error(error, item_type, field_details_list, item_path)
                        one = None
                    else:
                        if one.__class__ is not dict:
                            one = self.completed(one, item_type, field_details_list, item_path)
                completed.append(one)
                if one.__class__ is not dict and one is not None:
                    pending.append(index)
        except Exception:
            left = [completed[place] for place in pending]
            left += [item for item in items[index + 1 :] if self.is_awaitable(item)]
            if left:
                self.settle_in_background(left)
            raise
        return self._gather_items(completed, pending) if pending else completed

    def _complete_item(
        self,
        compiled: Specialisation,
        type_: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
    ) -> CompleteObject:
        """What completes an item of `type_`, with the checks of its type that graphql-core makes."""
        if not isinstance(type_, GraphQLObjectType):
            return self._complete_abstract_item(compiled, cast("GraphQLAbstractType", type_), details, info)
        if type_.is_type_of is None:
            return self._compiled(compiled, type_, details).complete
        return lambda run, item, path: run.complete_object_value(type_, details, info, path, item, None)

    def _complete_abstract_item(
        self,
        compiled: Specialisation,
        abstract: GraphQLAbstractType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
    ) -> CompleteObject:
        """What completes an item by its class, where that tells its type, else as graphql-core does."""
        by_class: dict[type, CompleteObject] = {}

        def looked_at(run: Any, item: Any, path: Path | None) -> Any:
            return run.complete_abstract_value(abstract, details, info, path, item, None)

        def complete(run: Any, item: Any, path: Path | None) -> Any:
            known = by_class.get(item.__class__)
            if known is None:
                type_ = self.type_of_class(abstract, item.__class__)
                plain = type_ is not None and type_.is_type_of is None
                known = self._compiled(compiled, type_, details).complete if type_ and plain else looked_at
                by_class[item.__class__] = known
            return (looked_at if run.names_own_type(item) else known)(run, item, path)

        return complete

    def _is_unusual(self, item: Any) -> bool:
        return item is None or item is Undefined or isinstance(item, Exception) or self.is_awaitable(item)

    def _complete_unusual(
        self,
        item: Any,
        item_type: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
    ) -> Any:
        if self.is_awaitable(item):
            return self.complete_awaitable_list_item_value(item, item_type, details, info, path, None)
        one: list[Any] = []
        self.complete_list_item_value(item, one, item_type, details, info, path, None)
        return one[0]

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

    async def _gather_items(self, completed: list[Any], pending: list[int]) -> list[Any]:
        if len(pending) == 1:
            completed[pending[0]] = await completed[pending[0]]
        else:
            awaited = await gather_with_cancel(*(completed[index] for index in pending))
            for index, value in zip(pending, awaited, strict=True):
                completed[index] = value
        return completed

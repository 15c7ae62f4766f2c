"""The executor as schemas use it: of lists of objects, too, each is completed by compiled code."""

from asyncio import gather
from collections.abc import Awaitable, Iterable
from typing import Any, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    get_nullable_type,
    is_composite_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path, gather_with_cancel

from subgraphs.kit.graphql.execution.codegen import CompleteObject
from subgraphs.kit.graphql.execution.compiling import Compiling
from subgraphs.kit.graphql.execution.specialisation import Specialisation

_new_path = tuple.__new__  # without the named tuple's own constructor, which is a function in Python


class CompiledExecution(Compiling):
    """Runs operations compiled; what it does not compile, graphql-core's own methods run.

    Mix it in before another executor class to keep what that one adds. A subclass for each schema has
    `operations` of its own and says in `reads_attribute` which of its fields are plain attributes.
    """

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
                    prefetches = self.compiled_object(compiled, type_, details).prefetches
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
            return self.compiled_object(compiled, type_, details).complete
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
                known = (
                    self.compiled_object(compiled, type_, details).complete if type_ and plain else looked_at
                )
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

    async def _gather_items(self, completed: list[Any], pending: list[int]) -> list[Any]:
        if len(pending) == 1:
            completed[pending[0]] = await completed[pending[0]]
        else:
            awaited = await gather_with_cancel(*(completed[index] for index in pending))
            for index, value in zip(pending, awaited, strict=True):
                completed[index] = value
        return completed

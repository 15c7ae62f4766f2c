"""The compiled parts of an operation, kept for as long as its document is.

`@skip` and `@include` are resolved when an operation is compiled: it has one specialisation for each combination
of the values that their variables have been seen with.
"""

import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from graphql import (
    DirectiveNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from prometheus_client import Counter

from subgraphs.kit.graphql.execution.codegen import CompleteObject

FALLBACKS = Counter(
    "graphql_execution_fallback",
    "Operations that were run by graphql-core and not by compiled code.",
    ["reason"],
)

MAX_SPECIALISATIONS = 8
"""Of one operation; a client chooses the values of its conditions."""


Prefetch = Callable[[Sequence[Any], Any], Awaitable[None]]
"""`(sources, context)`: loads what a field of all the sources shows, and leaves it where the field is read."""


class CompiledObject(NamedTuple):
    """One place in a document for objects of one type; `prefetches` are those of its fields."""

    details: FieldDetailsList
    complete: CompleteObject
    prefetches: tuple[Prefetch, ...]


class Specialisation:
    """What is compiled of an operation for one combination of its conditions, each place when it is first met."""

    __slots__ = ("objects", "root")

    def __init__(self) -> None:
        self.root: tuple[GroupedFieldSet, CompleteObject] | None = None
        self.objects: dict[tuple[GraphQLObjectType, int], CompiledObject] = {}
        """By the type and the identity of the field's details, which the entry keeps alive."""


class CompiledOperation:
    """An operation and its specialisations; `fallback` is the reason why it has none."""

    def __init__(
        self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        found = _Directives()
        for node in (operation, *fragments.values()):
            visit(node, found)
        self.fallback: str | None = None
        if found.incremental:
            self.fallback = "incremental"
        elif any(fragment.variable_definitions for fragment in fragments.values()):
            self.fallback = "fragment_arguments"
        self._conditions = tuple(sorted(found.variables))
        self._specialisations: OrderedDict[tuple[Any, ...], Specialisation] = OrderedDict()

    def specialised(self, variables: Mapping[str, Any]) -> Specialisation:
        key = tuple(variables.get(name, Undefined) for name in self._conditions)
        specialisation = self._specialisations.get(key)
        if specialisation is None:
            specialisation = self._specialisations[key] = Specialisation()
            if len(self._specialisations) > MAX_SPECIALISATIONS:
                self._specialisations.popitem(last=False)
        return specialisation


class CompiledOperations:
    """The compiled operations of one schema, each dropped together with its document."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[OperationDefinitionNode], CompiledOperation]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(
        self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> CompiledOperation:
        key = id(operation)
        kept = self._kept.get(key)
        if kept is not None and kept[0]() is operation:
            return kept[1]
        compiled = CompiledOperation(operation, fragments)
        self._kept[key] = (weakref.ref(operation, partial(self._drop, key)), compiled)
        return compiled

    def _drop(self, key: int, gone: weakref.ref[OperationDefinitionNode]) -> None:
        # Another operation may have the place by now.
        if (kept := self._kept.get(key)) is not None and kept[0] is gone:
            del self._kept[key]


class _Directives(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.incremental = False

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value in {"defer", "stream"}:
            self.incremental = True
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.variables.add(argument.value.name.value)

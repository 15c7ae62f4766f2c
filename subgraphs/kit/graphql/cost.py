"""How many objects an operation may resolve, from its document and variables alone.

Each field of an object type counts for every object that it may be asked of: the product of the sizes of the lists
around it. A connection's lists have the size of its `first`, `_entities` that of its representations, and any other
list is taken to have ten entries. Leaves cost nothing, and introspection has limits of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    IntValueNode,
    ListValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
)

from subgraphs.kit.pagination import DEFAULT_PAGE, MAX_PAGE

UNKNOWN_LIST = 10

_PAGED = frozenset({"nodes", "edges"})


@dataclass(frozen=True, slots=True)
class Variable:
    """A size that a variable gives; `default` is what counts where the request has none."""

    name: str
    default: int

    def size(self, variables: Mapping[str, Any]) -> int:
        value = variables.get(self.name)
        if isinstance(value, list):
            return len(value)
        if isinstance(value, int):
            return _page(value)
        return self.default


Size = int | Variable


@dataclass(slots=True)
class Selection:
    """The fields of object types in one selection set, and the fragments that it spreads."""

    fields: list["Field"] = field(default_factory=list)
    fragments: list["Selection"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Field:
    """`size` is the number of its objects to one parent; None is the page of the connection that it belongs to.

    `page` is the size of its own lists, where it is a connection.
    """

    size: Size | None
    page: Size
    selection: Selection


def measured(node: FieldNode, definition: GraphQLField, defaults: Mapping[str, int], *, paged: bool) -> Field:
    """The field with an empty selection. `paged`: its parent is a connection. `defaults`: those of variables."""
    arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
    if node.name.value == "_entities":
        return Field(_entries(arguments.get("representations")), 1, Selection())
    if is_connection(definition):
        return Field(1, _first(arguments.get("first"), definition, defaults), Selection())
    if not isinstance(get_nullable_type(definition.type), GraphQLList):
        return Field(1, 1, Selection())
    return Field(None if paged and node.name.value in _PAGED else UNKNOWN_LIST, 1, Selection())


def is_connection(definition: GraphQLField) -> bool:
    fields = getattr(get_named_type(definition.type), "fields", {})
    return "first" in definition.args and not _PAGED.isdisjoint(fields)


def cost_of(selection: Selection, variables: Mapping[str, Any]) -> int:
    """The objects that `selection` of one object may resolve."""
    known: dict[tuple[int, int], int] = {}

    def cost(selection: Selection, page: int) -> int:
        # A fragment is measured once for each page size, or doubling spreads would double the work too.
        key = (id(selection), page)
        if key not in known:
            known[key] = sum(objects(one, page) for one in selection.fields) + sum(
                cost(fragment, page) for fragment in selection.fragments
            )
        return known[key]

    def objects(one: Field, page: int) -> int:
        size = page if one.size is None else _size(one.size, variables)
        return size * (1 + cost(one.selection, _size(one.page, variables)))

    return cost(selection, 1)


def _size(size: Size, variables: Mapping[str, Any]) -> int:
    return size.size(variables) if isinstance(size, Variable) else size


def _entries(value: ValueNode | None) -> Size:
    if isinstance(value, VariableNode):
        return Variable(value.name.value, 1)
    return len(value.values) if isinstance(value, ListValueNode) else 1


def _first(value: ValueNode | None, definition: GraphQLField, defaults: Mapping[str, int]) -> Size:
    declared = definition.args["first"].default_value
    otherwise = declared if isinstance(declared, int) else DEFAULT_PAGE
    if isinstance(value, IntValueNode):
        return _page(int(value.value)) if len(value.value) <= len(str(MAX_PAGE)) else MAX_PAGE
    if isinstance(value, VariableNode):
        return Variable(value.name.value, defaults.get(value.name.value, otherwise))
    return otherwise


def _page(first: int) -> int:
    # What is out of bounds is refused by the page itself, and resolves nothing.
    return min(max(first, 0), MAX_PAGE)

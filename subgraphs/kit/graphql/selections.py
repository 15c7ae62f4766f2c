"""What a field that is being resolved has selected."""

from collections.abc import Iterable, Mapping
from typing import Any

import strawberry
from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionNode


def selects(info: strawberry.Info[Any, Any], name: str) -> bool:
    """Whether the field that is resolved has the field `name` selected, through fragments too.

    For what is worth reading beforehand: what `@skip` leaves out counts as selected. Read from the document itself,
    since `Info.selected_fields` converts all of it first.
    """
    raw = info._raw_info  # noqa: SLF001 - the nodes are nowhere else
    return any(_selects(_below(node), name, raw.fragments) for node in raw.field_nodes)


def _selects(
    selections: Iterable[SelectionNode], name: str, fragments: Mapping[str, FragmentDefinitionNode]
) -> bool:
    for node in selections:
        if isinstance(node, FieldNode):
            if node.name.value == name:
                return True
        else:
            inner = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            if _selects(_below(inner), name, fragments):
                return True
    return False


def _below(node: Any) -> Iterable[SelectionNode]:
    return node.selection_set.selections if node.selection_set else ()

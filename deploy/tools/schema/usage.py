"""Which operations of our clients a change of the API touches."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    GraphQLType,
    InlineFragmentNode,
    NamedTypeNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_input_type,
    parse,
    type_from_ast,
    visit,
)

_COORDINATE = re.compile(r"\b([A-Z]\w*)(?:\.(\w+)(?:\((\w+):\))?)?")

# "X was added to union type Y", "X added to interfaces implemented by Y": about Y.
_OF_TYPE = re.compile(r"^\w+ .*(?: union type | implemented by )(?=\w)")
# Words with a capital that name nothing of a schema.
_LEADING = re.compile(r"^(?:A|An|Argument|Description|Directive|Enum|Field|Standard) ")

Coordinates = frozenset[str]
"""Of the schema, as GraphQL writes them: `Query`, `Query.product`, `Query.product(id:)`, `OrderStatus.PAID`."""


def read(manifest: Path) -> dict[str, str]:
    """The text of each operation of a manifest by its name."""
    return {one["name"]: one["body"] for one in json.loads(manifest.read_text())["operations"]}


def used(schema: GraphQLSchema, operations: Mapping[str, str]) -> dict[str, Coordinates]:
    """By operation, all of the schema that it uses: whatever it selects and sends, and what these are of."""
    return {name: _used(schema, parse(text)) for name, text in operations.items()}


def affected(sentence: str, by_operation: Mapping[str, Coordinates]) -> list[str]:
    """The operations that use what a change is about, as graphql-core words it in `sentence`."""
    about = _LEADING.sub("", _OF_TYPE.sub("", sentence))
    found = _COORDINATE.search(about)
    if found is None:
        return []
    type_name, member, argument = found.groups()
    # What is new is used by nobody yet: it touches who uses that to which it was added. And an enum's values are used by
    # whoever reads the enum.
    added = sentence.endswith("was added.")
    if member is None or sentence.startswith("Enum value ") or (added and argument is None):
        wanted = type_name
    else:
        wanted = (
            f"{type_name}.{member}" if argument is None or added else f"{type_name}.{member}({argument}:)"
        )
    return sorted(name for name, coordinates in by_operation.items() if wanted in coordinates)


def _used(schema: GraphQLSchema, document: DocumentNode) -> Coordinates:
    info = TypeInfo(schema)
    collector = _Collector(schema, info)
    visit(document, TypeInfoVisitor(info, collector))
    return frozenset(collector.seen)


class _Collector(Visitor):
    """Writes down what one document uses."""

    def __init__(self, schema: GraphQLSchema, info: TypeInfo) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self._schema = schema
        self._info = info

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent, field = self._info.get_parent_type(), self._info.get_field_def()
        if parent is None or field is None:
            return
        where = f"{parent.name}.{node.name.value}"
        self.seen.update((parent.name, where, get_named_type(field.type).name))
        self.seen.update(f"{where}({one.name.value}:)" for one in node.arguments or ())

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: object) -> None:
        if node.type_condition:
            self.seen.add(node.type_condition.name.value)

    def enter_named_type(self, node: NamedTypeNode, *_: object) -> None:
        found = type_from_ast(self._schema, node)
        if is_input_type(found):
            self._add_input(found)

    def enter_enum_value(self, *_: object) -> None:
        self._add_input(self._info.get_input_type())

    def enter_object_value(self, *_: object) -> None:
        self._add_input(self._info.get_input_type())

    def _add_input(self, given: GraphQLType | None) -> None:
        """A client may send any value and any field of what a variable has."""
        type_ = get_named_type(given)
        if type_ is None or type_.name in self.seen:
            return
        self.seen.add(type_.name)
        if isinstance(type_, GraphQLEnumType):
            self.seen.update(f"{type_.name}.{value}" for value in type_.values)
        elif isinstance(type_, GraphQLInputObjectType):
            self.seen.update(f"{type_.name}.{field}" for field in type_.fields)
            for field in type_.fields.values():
                self._add_input(field.type)

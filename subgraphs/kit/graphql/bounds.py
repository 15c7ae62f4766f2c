"""How long a string of the API, and a list of it, may be: declared where the argument or field is defined.

    Annotated[str, strawberry.argument(metadata=max_length(100))]
    name: str = strawberry.field(metadata=max_length(200))
    tags: list[str] = strawberry.field(metadata=max_length(50, items=20))

The bound is the domain's length or a little above it: the domain's own error answers an ordinary mistake, and
only gross excess is refused before any work is done.
"""

from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

ID_LENGTH = 64
"""Characters of an ID that declares no bound: an identifier of ours has 36."""

METADATA_KEY = "bound"
_REPRESENTATION_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `characters` in each string, and `items` in each list; None where it declares none."""

    characters: int | None = None
    items: int | None = None


_NONE = Bound()


def max_length(characters: int, *, items: int | None = None) -> dict[str, Bound]:
    """Metadata of a string, or of a list of at most `items` strings, of at most `characters` each."""
    return {METADATA_KEY: Bound(characters, items)}


def max_items(items: int) -> dict[str, Bound]:
    """Metadata of a list whose entries have no length of their own: inputs, enums, numbers, IDs."""
    return {METADATA_KEY: Bound(items=items)}


def bound_of(definition: GraphQLArgument | GraphQLInputField) -> Bound:
    """What `definition` declares; the empty bound where it declares nothing."""
    declared = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    bound = (getattr(declared, "metadata", None) or {}).get(METADATA_KEY, _NONE)
    return bound if isinstance(bound, Bound) else _NONE


def excess(value: object, type_: GraphQLInputType, bound: Bound, name: str) -> str | None:
    """What of `value`, as JSON holds it, is longer than it may be; None where nothing is.

    Values that do not fit `type_` are left to coercion, which says what is wrong with them.
    """
    if isinstance(type_, GraphQLNonNull):
        return excess(value, type_.of_type, bound, name)
    if isinstance(value, str):
        return _long_text(value, type_, bound, name)
    if isinstance(value, list) and isinstance(type_, GraphQLList):
        if bound.items is not None and len(value) > bound.items:
            return f"`{name}` may have at most {bound.items} entries."
        entry_type = get_nullable_type(type_.of_type)
        for entry in value:
            fault = excess(entry, entry_type, bound, name)
            if fault is not None:
                return fault
        return None
    return _long_field(value, type_, name) if isinstance(value, dict) else None


def _long_text(value: str, type_: GraphQLInputType, bound: Bound, name: str) -> str | None:
    # An enum, a number or a time has far less than an ID.
    otherwise = None if get_named_type(type_).name == "String" else ID_LENGTH
    limit = bound.characters or otherwise
    if limit is not None and len(value) > limit:
        return f"`{name}` may have at most {limit} characters."
    return None


def _long_field(value: dict[str, object], type_: GraphQLInputType, name: str) -> str | None:
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        for field, definition in named.fields.items():
            if field in value:
                fault = excess(value[field], definition.type, bound_of(definition), f"{name}.{field}")
                if fault is not None:
                    return fault
        return None
    # A representation: a scalar to GraphQL, in which keys of entities are.
    for part in value.values():
        if isinstance(part, str) and len(part) > _REPRESENTATION_TEXT:
            return f"`{name}` has a key of more than {_REPRESENTATION_TEXT} characters."
    return None


def undeclared(schema: GraphQLSchema) -> list[str]:
    """Each argument and input field whose strings or lists have no bound, as `Type.field(argument)`."""
    faults = []
    for type_ in schema.type_map.values():
        if type_.name.startswith("_"):
            continue  # introspection and federation, which are not ours to declare
        if isinstance(type_, GraphQLInputObjectType):
            faults += [f"{type_.name}.{n}" for n, field in type_.fields.items() if not _is_bounded(field)]
        elif isinstance(type_, GraphQLObjectType):
            faults += [
                f"{type_.name}.{name}({argument})"
                for name, field in type_.fields.items()
                if not name.startswith("_")
                for argument, definition in field.args.items()
                if not _is_bounded(definition)
            ]
    return sorted(faults)


def _is_bounded(definition: GraphQLArgument | GraphQLInputField) -> bool:
    bound = bound_of(definition)
    if get_named_type(definition.type).name == "String" and bound.characters is None:
        return False
    type_ = get_nullable_type(definition.type)
    return not isinstance(type_, GraphQLList) or bound.items is not None

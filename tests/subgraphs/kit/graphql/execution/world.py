"""Values and resolvers for any schema: the same for the same place, with nulls, faults, awaitables among them."""

import asyncio
import zlib
from decimal import Decimal
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

ATTRIBUTE = "attribute"
_FAULTS = 14
"""One value in so many is a fault, and one is null."""

_LEAVES = {
    "String": ["a", "", "é", 5, True, ["no string"]],
    "ID": ["id", 7, "x", 1.5],
    "Int": [0, -3, 2**31 - 1, 2**31, True, 1.0, 1.5, "4"],
    "Float": [0.5, 3, float("nan"), float("inf"), "1.5", True],
    "Boolean": [True, False, 1, "yes"],
}
_OTHER_SCALARS = ["text", Decimal("1.50"), 3]


class Thing:
    """An object whose every attribute has a value that follows from its seed and its name."""

    def __init__(self, type_: GraphQLObjectType, seed: int) -> None:
        self.type = type_
        self.seed = seed

    def __getattr__(self, name: str) -> Any:
        field = self.type.fields.get(name)
        if field is None:
            raise AttributeError(name)
        return _fails(_value(field.type, _next(self.seed, name), self.type.extensions["schema"]))


def thing(type_: GraphQLObjectType, seed: int) -> Thing:
    """An object of the class that only objects of `type_` have."""
    class_ = type_.extensions["class"]
    made: Thing = class_(type_, seed)
    return made


def type_of_class(abstract: GraphQLAbstractType, class_: type) -> GraphQLObjectType | None:
    """Of every second type the one that things of `class_` have; the others must be looked at."""
    type_: GraphQLObjectType | None = getattr(class_, "only_type", None)
    known = type_ is not None and _next(3, f"{abstract.name}.{type_.name}") % 2
    return type_ if known else None


def names_own_type(value: Any) -> bool:
    return isinstance(value, Thing) and value.seed % 5 == 0


def is_object(class_: type) -> bool:
    """Of every second class; the fields of the others are left to graphql-core."""
    return issubclass(class_, Thing) and _next(4, class_.__name__) % 2 == 0


def strange_world(sdl: str) -> GraphQLSchema:
    """The schema of `sdl`: most fields are attributes, some have resolvers, of which some are asynchronous."""
    schema = build_schema(sdl, assume_valid_sdl=True)
    for type_ in list(schema.type_map.values()):
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            class_ = type(type_.name, (Thing,), {"only_type": type_})
            type_.extensions = {"schema": schema, "class": class_}
            if type_.interfaces and _next(0, type_.name) % 2:
                type_.is_type_of = _is_type_of(type_)
            for name, field in type_.fields.items():
                _give_resolver(type_, name, field)
        elif isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
            type_.resolve_type = lambda value, _info, _type: value.type.name
    return schema


def attribute_of(field: GraphQLField) -> str | None:
    name: str | None = field.extensions.get(ATTRIBUTE)
    return name


def root_of(schema: GraphQLSchema, kind: str, seed: int) -> Thing | None:
    root = schema.get_type(kind)
    return thing(root, seed) if isinstance(root, GraphQLObjectType) else None


def _is_type_of(type_: GraphQLObjectType) -> Any:
    return lambda value, _info: value.type is type_ and value.seed % 11 != 0


def _give_resolver(type_: GraphQLObjectType, name: str, field: GraphQLField) -> None:
    kind = _next(1, f"{type_.name}.{name}") % 4
    hops = _next(2, f"{type_.name}.{name}") % 3

    def plainly(source: Any, _info: Any, **arguments: Any) -> Any:
        value = getattr(source, name)
        return [value, *arguments.values()][0]

    async def slowly(source: Any, _info: Any, **_arguments: Any) -> Any:
        for _ in range(hops):
            await asyncio.sleep(0)
        return getattr(source, name)

    field.resolve = slowly if kind == 0 else plainly
    if kind > 1:
        field.extensions = {ATTRIBUTE: name}


def _fails(value: Any) -> Any:
    if isinstance(value, KeyError):
        raise value
    return value


def _next(seed: int, name: object) -> int:
    return zlib.crc32(f"{seed}/{name}".encode())


def _value(type_: GraphQLOutputType, seed: int, schema: GraphQLSchema) -> Any:
    if isinstance(type_, GraphQLNonNull):
        # Null here, too, but more rarely.
        return _value(type_.of_type, seed, schema) if seed % 3 else _certain(type_.of_type, seed, schema)
    match seed % _FAULTS:
        case 0:
            return None
        case 1:
            return KeyError("raised")
        case 2:
            return ValueError("a value that is an exception")
    return _certain(type_, seed, schema)


def _certain(type_: GraphQLOutputType, seed: int, schema: GraphQLSchema) -> Any:
    if isinstance(type_, GraphQLNonNull):
        return _certain(type_.of_type, seed, schema)
    if isinstance(type_, GraphQLList):
        items = [_item(_value(type_.of_type, _next(seed, n), schema), seed + n) for n in range(seed % 4)]
        return tuple(items) if seed % 5 == 0 else items
    if isinstance(type_, GraphQLEnumType):
        return [*type_.values, "NONE_OF_THEM"][seed % (len(type_.values) + 1)]
    if isinstance(type_, GraphQLScalarType):
        values: list[Any] = _LEAVES.get(type_.name, _OTHER_SCALARS)
        return values[0] if seed % 2 else values[seed // 2 % len(values)]
    if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
        possible = schema.get_possible_types(type_)
        return thing(possible[seed % len(possible)], seed)
    assert isinstance(type_, GraphQLObjectType)
    return thing(type_, seed)


def _item(value: Any, seed: int) -> Any:
    """`value`, or an awaitable of it."""
    return _Later(value) if seed % 13 == 0 else value


class _Later:
    """An awaitable that may also be left alone, as a coroutine may not."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Any:
        yield
        return _fails(self._value)

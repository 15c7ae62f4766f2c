"""The API schema against what clients were promised: `contract.graphql`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from deploy.tools.schema.generate import API, SCHEMAS

CONTRACT = build_schema(Path(__file__).with_name("contract.graphql").read_text(), assume_valid=True)


def departures(api: GraphQLSchema) -> Iterator[str]:
    """One sentence for each thing of the API that is not as promised; what it does not have yet is passed over."""
    for name, promised in CONTRACT.type_map.items():
        actual = api.type_map.get(name)
        if name.startswith("__") or actual is None:
            continue
        match promised, actual:
            case (
                GraphQLObjectType() | GraphQLInterfaceType() as old,
                GraphQLObjectType() | GraphQLInterfaceType() as new,
            ):
                yield from _fields(name, old, new)
            case GraphQLInputObjectType() as old_input, GraphQLInputObjectType() as new_input:
                yield from _arguments(name, old_input.fields, new_input.fields)
            case GraphQLEnumType() as old_enum, GraphQLEnumType() as new_enum:
                yield from (
                    f"{name} lacks {value}" for value in old_enum.values.keys() - new_enum.values.keys()
                )
            case GraphQLUnionType() as old_union, GraphQLUnionType() as new_union:
                lacking = {t.name for t in old_union.types} - {t.name for t in new_union.types}
                yield from (f"{name} lacks {member}" for member in lacking)
            case _ if type(promised) is not type(actual) and name != "OrderReport":  # its shape was left open
                yield f"{name} is another kind of type"


def _fields(
    name: str, old: GraphQLObjectType | GraphQLInterfaceType, new: GraphQLObjectType | GraphQLInterfaceType
) -> Iterator[str]:
    for interface in {i.name for i in old.interfaces} - {i.name for i in new.interfaces}:
        yield f"{name} does not implement {interface}"
    for field in old.fields.keys() & new.fields.keys():
        if str(old.fields[field].type) != str(new.fields[field].type):
            yield f"{name}.{field} is {new.fields[field].type}, not {old.fields[field].type}"
        yield from _arguments(f"{name}.{field}", old.fields[field].args, new.fields[field].args)


def _arguments(
    where: str,
    old: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
    new: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
) -> Iterator[str]:
    for name, promised in old.items():
        actual = new.get(name)
        if actual is None:
            yield f"{where} lacks {name}"
        elif (str(actual.type), actual.default_value) != (str(promised.type), promised.default_value):
            yield f"{where}({name}) is {actual.type}, not {promised.type}, or has another default"
    for name in new.keys() - old.keys():
        if str(new[name].type).endswith("!") and new[name].ast_node.default_value is None:  # type: ignore[union-attr]
            yield f"{where} demands {name}, which was not promised"


def test_the_api_keeps_its_promises() -> None:
    assert sorted(departures(build_schema((SCHEMAS / API).read_text()))) == []


@pytest.mark.parametrize(
    ("sdl", "departure"),
    [
        ("type Query { me: String }", "Query.me is String, not User"),
        ("type Query { user: Int }", "Query.user is Int, not User"),
        ("type Query { user(id: ID!, by: ID!): Int }", "Query.user demands by, which was not promised"),
        ("type Query { user(id: ID): Int }", "Query.user(id) is ID, not ID!, or has another default"),
        ("enum Role { USER STAFF }", "Role lacks ADMIN"),
        ("scalar Money", "Money is another kind of type"),
        ("type NotFoundError { code: String! message: String! }", "NotFoundError does not implement Error"),
    ],
)
def test_a_departure_is_found(sdl: str, departure: str) -> None:
    assert departure in set(departures(build_schema(sdl)))

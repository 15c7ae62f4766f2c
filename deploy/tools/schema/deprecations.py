"""What is deprecated says why, and since when."""

import re
from collections.abc import Iterator
from datetime import date

from graphql import (
    DEFAULT_DEPRECATION_REASON,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def faults(schema: GraphQLSchema) -> list[str]:
    """A sentence for each deprecation without a reason of its own or the date (YYYY-MM-DD) from which it holds."""
    return [fault for where, reason in _deprecated(schema) if (fault := _fault(where, reason))]


def _fault(where: str, reason: str) -> str | None:
    told = _DATE.sub("", reason).strip(" .:;,-")
    if reason == DEFAULT_DEPRECATION_REASON or not told:
        return f"{where} is deprecated without a reason: say what to use instead."
    dates = _DATE.findall(reason)
    if not any(_is_date(text) for text in dates):
        return f"{where} is deprecated without a date: say since when, as in “Since 2026-11-24.”"
    return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _deprecated(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        members: dict[str, str | None] = {}
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                members[field_name] = field.deprecation_reason
                for argument_name, argument in field.args.items():
                    members[f"{field_name}({argument_name}:)"] = argument.deprecation_reason
        elif isinstance(type_, GraphQLInputObjectType):
            members = {field_name: field.deprecation_reason for field_name, field in type_.fields.items()}
        elif isinstance(type_, GraphQLEnumType):
            members = {value_name: value.deprecation_reason for value_name, value in type_.values.items()}
        for member, reason in members.items():
            if reason is not None:
                yield f"{name}.{member}", reason

"""Writes the Python that completes one selection set of one object type.

A field that is read as an attribute and completes to a leaf becomes a few lines: read, look at the class, keep.
Whatever those lines do not expect (an exception, an awaitable, null where none may be, a value that needs coercion)
goes to `execute_field` of graphql-core, which reads the attribute again and says what is wrong in its own words. All
other fields go there at once. So there is one place only that decides about errors, paths and awaitables. Only a
field that is read as an attribute and completes to an object of a known class is completed here as well.
"""

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
    get_nullable_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path

ReadsAttribute = Callable[[GraphQLField], str | None]
"""The attribute whose value is the field's, for a field whose resolver reads it and does nothing else."""

CompleteObject = Callable[[Any, Any, Path | None], Any]
"""`(executor, source, path)` to the completed dict, or to an awaitable of it."""

CompileBelow = Callable[[GraphQLObjectType, FieldDetailsList], CompleteObject]
"""What completes the objects of a type that a field leads to."""

_EXACT: dict[GraphQLOutputType, str] = {GraphQLString: "str", GraphQLID: "str", GraphQLBoolean: "bool"}
_RANGED: dict[GraphQLOutputType, str] = {
    GraphQLInt: "value.__class__ is int and -2147483648 <= value <= 2147483647",
    GraphQLFloat: "value.__class__ is float and isfinite(value)",
}
# Values of these classes are neither awaitable nor exceptions, which a serialiser such as `str` would take too.
_PLAIN = frozenset({str, int, float, bool, Decimal, datetime, date, time, UUID})

_HEAD = """\
def complete(run, source, path):
    results = {}
    pending = []
    try:
"""
_TAIL = """\
    except Exception:
        if pending:
            run.settle_in_background([results[name] for name in pending])
        raise
    return run.gather_fields(results, pending) if pending else results
"""


def compile_object(
    parent: GraphQLObjectType,
    fields: GroupedFieldSet,
    reads_attribute: ReadsAttribute,
    compile_below: CompileBelow,
) -> CompleteObject:
    """The function that completes `fields` of a `parent`; called once for each place in a document."""
    scope: dict[str, Any] = {
        "compile_below": compile_below,
        "isfinite": math.isfinite,
        "PLAIN": _PLAIN,
        "Enum": Enum,
        "Path": Path,
        "Undefined": Undefined,
        "UNREADABLE": object(),
        "parent": parent,
        "parent_name": parent.name,
    }
    body = [
        line
        for number, (name, details) in enumerate(fields.items())
        for line in _field(scope, number, name, details, parent.fields, reads_attribute)
    ]
    source = _HEAD + "".join(f"        {line}\n" for line in body or ["pass"]) + _TAIL
    del scope["compile_below"]  # it holds the execution that compiles
    exec(compile(source, f"<compiled {parent.name}>", "exec"), scope)  # noqa: S102 - every name in it is checked
    complete: CompleteObject = scope["complete"]
    return complete


def _field(  # noqa: PLR0917
    scope: dict[str, Any],
    number: int,
    name: str,
    details: FieldDetailsList,
    definitions: Mapping[str, GraphQLField],
    reads_attribute: ReadsAttribute,
) -> list[str]:
    scope[f"details{number}"] = details
    field_name = details[0].node.name.value
    if field_name == "__typename":
        return [f"results[{name!r}] = parent_name"]
    general = [
        f"value = run.execute_field(parent, source, details{number}, Path(path, {name!r}, parent_name), None)",
        "if value is not Undefined:",
        f"    results[{name!r}] = value",
        f"    if run.is_awaitable(value): pending.append({name!r})",
    ]
    definition = definitions.get(field_name)
    attribute = reads_attribute(definition) if definition else None
    quick = None
    if definition and attribute:
        quick = _quick(scope, number, name, definition.type) or _object(scope, number, name, definition.type)
    if quick is None or attribute is None or not attribute.isidentifier():
        return general
    read = [f"try: value = source.{attribute}", "except Exception: value = UNREADABLE"]
    return [*read, *quick, "else:", *(f"    {line}" for line in general)]


def _quick(scope: dict[str, Any], number: int, name: str, type_: GraphQLOutputType) -> list[str] | None:
    """The branches that keep `value`; None where the type is no leaf and no list of plain leaves."""
    keep = f"results[{name!r}] ="
    nullable = [f"elif value is None: {keep} None"]
    if isinstance(type_, GraphQLNonNull):
        type_, nullable = type_.of_type, []
    if isinstance(type_, GraphQLList):
        item = type_.of_type.of_type if isinstance(type_.of_type, GraphQLNonNull) else type_.of_type
        if (class_ := _EXACT.get(item)) is None:
            return None
        every = f"all([item.__class__ is {class_} for item in value])"
        return [f"if value.__class__ is list and {every}: {keep} value[:]", *nullable]
    if class_ := _EXACT.get(type_):
        return [f"if value.__class__ is {class_}: {keep} value", *nullable]
    if condition := _RANGED.get(type_):
        return [f"if {condition}: {keep} value", *nullable]
    if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
        scope[f"coerce{number}"] = _quiet(type_.coerce_output_value)
        plain = "(value.__class__ in PLAIN or isinstance(value, Enum))"
        coerced = f"(out := coerce{number}(value)) is not None"
        return [f"if {plain} and {coerced}: {keep} out", *nullable]
    return None


def _object(scope: dict[str, Any], number: int, name: str, type_: GraphQLOutputType) -> list[str] | None:
    """The branches that complete `value`, an object; None where the type is none, or must look at its values."""
    named = get_nullable_type(type_)
    if not isinstance(named, GraphQLObjectType) or named.is_type_of is not None:
        return None
    scope[f"complete{number}"] = scope["compile_below"](named, scope[f"details{number}"])
    scope[f"type{number}"] = type_
    nullable = [] if isinstance(type_, GraphQLNonNull) else [f"elif value is None: results[{name!r}] = None"]
    return [
        "if run.is_object(value.__class__):",
        f"    below = Path(path, {name!r}, parent_name)",
        f"    try: value = complete{number}(run, value, below)",
        "    except Exception as error:",
        f"        run.handle_field_error(error, type{number}, details{number}, below)",
        "        value = None",
        "    else:",
        "        if value.__class__ is not dict:",
        f"            value = run.completed(value, type{number}, details{number}, below)",
        f"            pending.append({name!r})",
        f"    results[{name!r}] = value",
        *nullable,
    ]


def _quiet(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`coerce`, with None for what it refuses."""

    def quiet(value: Any) -> Any:
        try:
            coerced = coerce(value)
        except Exception:  # noqa: BLE001 - graphql-core calls it again, and reports what it raises
            return None
        return None if coerced is Undefined else coerced

    return quiet

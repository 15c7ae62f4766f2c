"""Every permission that is asked for anywhere is one of the enum in `schema/users.graphql`.

A subgraph imports no other, so products and orders write the names of permissions themselves. A name that no role
can have would refuse everybody, and no type would say so.
"""

import ast
import re
from collections.abc import Iterator

import pytest
from graphql import EnumTypeDefinitionNode, parse

from subgraphs.users.domain.permissions import Permission
from tests.harness.launcher import ROOT

_LIKE_A_PERMISSION = re.compile(r"\b(?:MANAGE|VIEW|EDIT|READ|WRITE|DELETE|ADMINISTER)_[A-Z_]+\b")
_CHECKS = {"may", "require"}
_SOURCES = sorted(
    path for folder in ("subgraphs", "clients", "deploy") for path in (ROOT / folder).rglob("*.py")
)


def _of_the_schema() -> set[str]:
    document = parse((ROOT / "schema" / "users.graphql").read_text())
    [enum] = [
        node
        for node in document.definitions
        if isinstance(node, EnumTypeDefinitionNode) and node.name.value == "Permission"
    ]
    return {value.name.value for value in enum.values}


def _named(source: str) -> Iterator[str]:
    """What `source` calls a permission: in a check, in a constant, or in what it tells people."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _LIKE_A_PERMISSION.findall(node.value)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHECKS
        ):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value
                elif isinstance(argument, ast.Attribute):
                    yield argument.attr
                elif isinstance(argument, ast.Name) and argument.id.isupper():
                    yield argument.id
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _constants(node)


def _constants(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """The value of a constant that is named like a permission: it must say what its name says."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    value = node.value.value if isinstance(node.value, ast.Constant) else None
    for target in targets:
        if (
            isinstance(target, ast.Name)
            and _LIKE_A_PERMISSION.fullmatch(target.id)
            and isinstance(value, str)
        ):
            yield value
            if value != target.id:
                yield f"{target.id} = {value!r}"


def test_schema_has_the_permissions_of_the_domain() -> None:
    assert _of_the_schema() == set(Permission)


def test_each_permission_that_is_named_exists() -> None:
    known = _of_the_schema()
    unknown = {str(path): set(_named(path.read_text())) - known for path in _SOURCES}
    assert {path: names for path, names in unknown.items() if names} == {}


def test_both_other_slices_ask_for_a_permission() -> None:
    for name, permission in (("products", "MANAGE_PRODUCTS"), ("orders", "MANAGE_ORDERS")):
        found = {n for path in (ROOT / "subgraphs" / name).rglob("*.py") for n in _named(path.read_text())}
        assert permission in found, name


@pytest.mark.parametrize(
    "line",
    [
        'viewer.require("MANAGE_ORDER")',
        'viewer.may("anything")',
        "viewer.may(Permission.EVERYTHING)",
        "viewer.require(MANAGE_STOCK)",
        'MANAGE_ORDERS = "MANAGE_ORDER"',
        'MANAGE_ORDERS: Final = "VIEW_REPORTS"',
        'description="Needs MANAGE_PRODUCT."',
    ],
)
def test_name_that_does_not_exist_is_found(line: str) -> None:
    assert set(_named(line)) - _of_the_schema() != set()

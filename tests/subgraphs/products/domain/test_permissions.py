from pathlib import Path

from graphql import EnumTypeDefinitionNode, parse

from subgraphs.products.domain.permissions import Permission

SCHEMA = Path(__file__).parents[4] / "schema" / "users.graphql"


def test_permissions_are_among_those_that_roles_can_have() -> None:
    definitions = parse(SCHEMA.read_text()).definitions
    given = {
        value.name.value
        for node in definitions
        if isinstance(node, EnumTypeDefinitionNode) and node.name.value == "Permission"
        for value in node.values
    }
    assert {permission.value for permission in Permission} <= given

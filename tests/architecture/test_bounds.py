"""No string and no list of the API is without a bound: a client chooses neither the memory nor the time it takes."""

import pytest

from subgraphs.kit.graphql.bounds import undeclared
from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.orders.graphql.schema import schema as orders
from subgraphs.products.graphql.schema import schema as products
from subgraphs.users.graphql.schema import schema as users


@pytest.mark.parametrize("schema", [users, products, orders], ids=["users", "products", "orders"])
def test_every_argument_and_input_field_declares_its_bound(schema: SubgraphSchema) -> None:
    assert undeclared(schema._schema) == []

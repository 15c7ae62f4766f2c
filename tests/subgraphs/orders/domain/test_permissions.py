from pathlib import Path

import pytest
from graphql import parse

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.orders.domain.permissions import Permission, may_see
from tests.subgraphs.orders.orders_harness import OrdersHarness

USERS = Path(__file__).parents[4] / "schema" / "users.graphql"


def test_every_permission_that_is_asked_for_is_one_that_users_grant():
    [enum] = [
        d
        for d in parse(USERS.read_text()).definitions
        if getattr(d, "name", None) and d.name.value == "Permission"
    ]
    assert {p.value for p in Permission} <= {value.name.value for value in enum.values}


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [
        (ANONYMOUS, False),
        (Viewer(user_id="somebody else"), False),
        (Viewer(user_id="somebody else", permissions=frozenset({"MANAGE_USERS"})), False),
        (Viewer(user_id="somebody else", permissions=frozenset({"MANAGE_ORDERS"})), True),
    ],
)
async def test_an_order_is_its_owners_and_of_those_who_manage_orders(
    harness: OrdersHarness,
    viewer: Viewer,
    seen: bool,  # noqa: FBT001 - a column of the table
):
    order = await harness.place()
    assert may_see(harness.ann, order)
    assert may_see(viewer, order) is seen

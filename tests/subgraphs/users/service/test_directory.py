"""Finding accounts: who sees what, pages, and entities by reference."""

from unittest.mock import Mock
from uuid import uuid4

import pytest

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.ids import new_id
from subgraphs.users.graphql.context import UsersContext
from subgraphs.users.graphql.loaders import Loaders
from subgraphs.users.service import UserService
from tests.harness.statements import statements
from tests.subgraphs.users.graphql_client import execute

PRIVATE = {"email", "firstName", "lastName", "phone", "address"}
USER = """
query User($id: ID!) {
  user(id: $id) { id username email firstName lastName phone address role permissions active createdAt updatedAt }
}
"""
USERS = """
query Users($first: Int, $after: String, $search: String, $role: Role, $active: Boolean) {
  users(first: $first, after: $after, search: $search, role: $role, active: $active) {
    nodes { username email }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
ENTITIES = """
query Entities($of: [_Any!]!) {
  _entities(representations: $of) { __typename ... on User { id username email permissions } }
}
"""


@pytest.fixture
async def bob(client, new_name):
    """An account with every private field filled in."""
    name = new_name()
    fields = {"firstName": "Bob", "lastName": "Low", "phone": "+15550100123", "address": "1 Main St"}
    return (await client.register(username=name, email=f"{name}@example.com", **fields))["auth"]


async def test_private_fields_are_for_the_owner_and_for_managers_of_users(client, postgres, ann, bob, admin):
    staff = (await client.login(username=ann["user"]["username"]))["auth"]
    await execute(postgres, "UPDATE users SET role = 'STAFF' WHERE id = :id", id=ann["user"]["id"])
    staff = (await client.refresh(staff["refreshToken"]))["auth"]
    viewers = {
        "anonymous": None,
        "other": ann["accessToken"],
        "staff": staff["accessToken"],
        "owner": bob["accessToken"],
        "admin": admin["accessToken"],
    }
    for viewer, token in viewers.items():
        user = (await client.run(USER, token, id=bob["user"]["id"]))["user"]
        [entity] = (await client.run(ENTITIES, token, of=[reference(bob)]))["_entities"]
        hidden = {field for field, value in user.items() if value is None}
        assert hidden == (set() if viewer in {"owner", "admin"} else PRIVATE), viewer
        assert entity["email"] == user["email"]
        assert user["username"] == bob["user"]["username"]


async def test_me_is_null_for_nobody(client):
    assert await client.run("{ me { id } }") == {"me": None}


async def test_me_is_null_for_an_account_that_is_gone(client, ann, postgres):
    await execute(postgres, "DELETE FROM users WHERE id = :id", id=ann["user"]["id"])
    assert await client.run("{ me { id } }", ann["accessToken"]) == {"me": None}


@pytest.mark.parametrize(
    "bad", ["", "1", "a\x00b", "x" * 64, "01930000-0000-7000-8000-00000000000A", "0" * 32]
)
async def test_unknown_account_is_null(client, bad):
    assert await client.run(USER, id=bad) == {"user": None}


async def test_list_needs_the_permission(client, ann):
    assert (await client.error(USERS))["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await client.error(USERS, ann["accessToken"]))["extensions"]["code"] == "FORBIDDEN"


async def test_pages_are_newest_first_and_meet_everyone_once(client, admin):
    tag = uuid4().hex[:8]
    names = [f"{tag}-{i}" for i in range(5)]
    for name in names:
        await client.register(username=name, email=f"{name}@example.com")
    found, after, pages = [], None, 0
    while True:
        page = (await client.run(USERS, admin["accessToken"], first=2, after=after, search=tag))["users"]
        assert page["totalCount"] == 5
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        found += [node["username"] for node in page["nodes"]]
        pages += 1
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == names[::-1]
    assert pages == 3


async def test_filters_narrow_the_list(client, admin, postgres):
    tag = uuid4().hex[:8]
    for i, last_name in enumerate(["100%", "under_score", "Plain"]):
        await client.register(username=f"{tag}-{i}", email=f"{tag}-{i}@example.com", lastName=last_name)
    await execute(postgres, "UPDATE users SET role = 'STAFF' WHERE username = :name", name=f"{tag}-1")
    await execute(postgres, "UPDATE users SET active = false WHERE username = :name", name=f"{tag}-2")

    async def found(**filters):
        page = (await client.run(USERS, admin["accessToken"], first=100, **filters))["users"]
        names = [n["username"] for n in page["nodes"] if n["username"].startswith(tag)]
        return sorted(int(n.removeprefix(f"{tag}-")) for n in names)

    assert await found(search=tag.upper()) == [0, 1, 2]
    assert await found(search="100%") == [0]
    assert await found(search="under_") == [1]
    assert await found(search="_") == [1]
    assert await found(search="PLAIN") == [2]
    assert await found(search="\\") == []
    assert await found(search=tag, role="STAFF") == [1]
    assert await found(search=tag, active=False) == [2]
    assert await found(search=tag, active=True, role="USER") == [0]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"first": 0}, "first"),
        ({"first": 101}, "first"),
        ({"first": -1}, "first"),
        ({"after": "nonsense"}, "after"),
        ({"after": "WyJ4Il0"}, "after"),
        ({"search": "x" * 101}, "search"),
        ({"search": "a\x00b"}, "search"),
    ],
)
async def test_argument_that_does_not_fit_is_named(client, admin, arguments, field):
    error = await client.error(USERS, admin["accessToken"], **arguments)
    assert error["extensions"]["code"] == "VALIDATION_FAILED"
    assert error["extensions"]["field"] == field


async def test_fifty_references_are_one_query_in_their_order(client, postgres, admin):
    ids = [new_id() for _ in range(50)]
    rows = [
        {"id": i, "name": f"ref-{i}", "email": f"{i}@example.com", "role": ["USER", "STAFF"][n % 2]}
        for n, i in enumerate(ids)
    ]
    for row in rows:
        await execute(
            postgres,
            "INSERT INTO users (id, username, username_key, email, email_key, password_hash, role)"
            " VALUES (:id, :name, :name, :email, :email, '', :role)",
            **row,
        )
    order = ids[::-1]
    order[7] = new_id()
    with statements(of="FROM users") as seen:
        data = await client.run(ENTITIES, admin["accessToken"], of=[reference(i) for i in order])
    assert len(seen) == 1
    assert [e and e["id"] for e in data["_entities"]] == [i if i in ids else None for i in order]
    assert data["_entities"][0]["permissions"] == ["MANAGE_ORDERS", "MANAGE_PRODUCTS", "VIEW_REPORTS"]


async def test_reference_without_a_usable_id_is_null_and_leaves_the_others(client, ann):
    of = [{"__typename": "User"}, {"__typename": "User", "id": 7}, {"__typename": "User", "id": "x"}]
    body = (await client.post(ENTITIES, of=[*of, reference(ann)])).json()
    assert [e and e["id"] for e in body["data"]["_entities"]] == [None, None, None, ann["user"]["id"]]
    faults = [(e["path"], e["extensions"]["code"]) for e in body["errors"]]
    assert faults == [(["_entities", 0], "BAD_USER_INPUT"), (["_entities", 1], "BAD_USER_INPUT")]


def test_the_address_of_a_device_is_of_bounded_length():
    request = RequestInfo(viewer=Viewer(), request_id="", client_address="x" * 500, user_agent="")
    context = UsersContext(request=request, service=Mock(spec=UserService), loaders=Mock(spec=Loaders))
    assert context.device.address == "x" * 64


def reference(account):
    return {"__typename": "User", "id": account if isinstance(account, str) else account["user"]["id"]}

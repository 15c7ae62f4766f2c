"""The activity log: what is in it, who sees it, and that nothing takes it out again."""

import pytest
from sqlalchemy.exc import DBAPIError

from tests.harness.statements import statements
from tests.subgraphs.users.graphql_client import ACTIVITY, CHANGE_PASSWORD, SET_ACTIVE, SET_ROLE, execute

UPDATE = "mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { __typename } }"


async def entries(client, viewer, user, **page):
    data = await client.run(ACTIVITY, viewer["accessToken"], id=user["user"]["id"], **page)
    return data["user"]["activity"]


async def test_life_of_an_account_is_written_down(client, ann, admin, postgres):
    user, name = ann["user"], ann["user"]["username"]
    away = client.at("203.0.113.9", user_agent="curl/8.14.1")
    await away.login(username=name, password="password124")
    second = (await away.login(username=name))["auth"]
    await client.run(UPDATE, ann["accessToken"], i={"firstName": "Ann", "phone": "+15550100123"})
    await client.run(UPDATE, ann["accessToken"], i={"firstName": "Ann"})
    await client.run(CHANGE_PASSWORD, ann["accessToken"], current="wrong", new="a new password")
    await client.run(CHANGE_PASSWORD, ann["accessToken"], current="password123", new="a new password")
    third = (await client.login(username=name, password="a new password"))["auth"]
    await client.run("mutation { logout { __typename } }", third["accessToken"])
    fourth = (await client.login(username=name, password="a new password"))["auth"]
    fifth = (await client.refresh(fourth["refreshToken"]))["auth"]
    await client.refresh(fifth["refreshToken"])
    await client.refresh(fourth["refreshToken"])
    await client.run(SET_ROLE, admin["accessToken"], id=user["id"], role="STAFF")
    await client.run(SET_ACTIVE, admin["accessToken"], id=user["id"], active=False)
    await client.login(username=name, password="a new password")
    await client.run(SET_ACTIVE, admin["accessToken"], id=user["id"], active=True)
    del second
    log = (await entries(client, admin, ann, first=100))["nodes"][::-1]
    assert [(e["kind"], e["detail"], e["actor"] and e["actor"]["id"]) for e in log] == [
        ("REGISTERED", None, user["id"]),
        ("LOGIN_FAILED", None, None),
        ("LOGGED_IN", None, user["id"]),
        ("PROFILE_CHANGED", "first_name, phone", user["id"]),
        ("PASSWORD_CHANGE_FAILED", None, None),
        ("PASSWORD_CHANGED", None, user["id"]),
        ("LOGGED_IN", None, user["id"]),
        ("LOGGED_OUT", None, user["id"]),
        ("LOGGED_IN", None, user["id"]),
        ("REFRESH_TOKEN_REUSED", None, None),
        ("ROLE_CHANGED", "USER to STAFF", admin["user"]["id"]),
        ("DISABLED", None, admin["user"]["id"]),
        ("LOGIN_FAILED", "the account is disabled", None),
        ("ENABLED", None, admin["user"]["id"]),
    ]
    assert (log[1]["ip"], log[1]["device"]) == ("203.0.113.9", "curl/8.14.1")
    stored = await execute(postgres, "SELECT activity::text FROM activity WHERE user_id = :id", id=user["id"])
    assert not any("password12" in row[0] or "+1555" in row[0] for row in stored)


async def test_login_under_an_unknown_name_leaves_an_entry_without_the_name(client, postgres):
    before = await execute(postgres, "SELECT count(*) FROM activity WHERE user_id IS NULL")
    await client.login(username="my secret password")
    after = await execute(postgres, "SELECT count(*) FROM activity WHERE user_id IS NULL")
    assert after[0][0] == before[0][0] + 1
    leaked = "SELECT count(*) FROM activity WHERE activity::text LIKE '%my secret%'"
    assert (await execute(postgres, leaked))[0][0] == 0


async def test_log_is_for_the_owner_and_for_managers_of_users(client, ann, admin, new_name):
    name = new_name()
    bob = (await client.register(username=name, email=f"{name}@example.com"))["auth"]
    for token, code in ((None, "UNAUTHENTICATED"), (bob["accessToken"], "FORBIDDEN")):
        body = (await client.post(ACTIVITY, token, id=ann["user"]["id"])).json()
        assert [e["extensions"]["code"] for e in body["errors"]] == [code]
        assert body["data"] == {"user": None}
    assert (await entries(client, ann, ann))["totalCount"] == 1
    assert (await entries(client, admin, ann))["totalCount"] == 1


async def test_pages_are_newest_first_and_meet_each_entry_once(client, ann):
    for i in range(6):
        await client.run(UPDATE, ann["accessToken"], i={"firstName": f"Ann {i}"})
    found, after = [], None
    while True:
        page = await entries(client, ann, ann, first=3, after=after)
        assert page["totalCount"] == 7
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [e["kind"] for e in found] == ["PROFILE_CHANGED"] * 6 + ["REGISTERED"]
    assert [e["at"] for e in found] == sorted((e["at"] for e in found), reverse=True)
    assert len({e["id"] for e in found}) == 7


@pytest.mark.parametrize(
    ("arguments", "field"), [({"first": 0}, "first"), ({"first": 101}, "first"), ({"after": "x"}, "after")]
)
async def test_argument_that_does_not_fit_is_named(client, ann, arguments, field):
    error = await client.error(ACTIVITY, ann["accessToken"], id=ann["user"]["id"], **arguments)
    assert error["extensions"]["field"] == field


async def test_logs_of_a_page_of_accounts_are_one_query_each_for_entries_counts_and_actors(client, admin):
    query = "{ users(first: 20) { nodes { activity(first: 2) { nodes { kind actor { id } } totalCount } } } }"
    await client.login(username=admin["user"]["username"], password="password124")
    with statements(of="FROM activity") as logs, statements(of="FROM users") as accounts:
        data = await client.run(query, admin["accessToken"])
    assert len(data["users"]["nodes"]) >= 2
    assert all(user["activity"]["totalCount"] for user in data["users"]["nodes"] if user["activity"]["nodes"])
    assert len(logs) == 2
    assert len(accounts) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activity SET address = '' WHERE user_id = :id",
        "DELETE FROM activity WHERE user_id = :id",
        "SET LOCAL activity.purging = 'on'; DELETE FROM activity WHERE user_id = :id",
        "TRUNCATE activity",
    ],
)
async def test_log_is_append_only(client, postgres, ann, statement):
    async def attempt():
        async with postgres.unit_of_work() as connection:
            for one in statement.split("; "):
                await connection.exec_driver_sql(one.replace(":id", f"'{ann['user']['id']}'"))

    with pytest.raises(DBAPIError, match="append-only"):
        await attempt()
    assert await client.kinds(ann) == ["REGISTERED"]

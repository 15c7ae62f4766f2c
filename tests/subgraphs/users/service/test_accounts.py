"""Opening an account."""

import asyncio

import orjson
import pytest

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.redis.client import create_redis
from subgraphs.users.credentials.keys import KeyRing
from subgraphs.users.migrations import migrate
from tests.subgraphs.users.graphql_client import PASSWORD, client_of, execute


async def test_registration_opens_an_account_and_logs_in(client, name):
    result = await client.register(
        username=name,
        email=f" {name}@Example.com",
        firstName=" Ann ",
        lastName="",
        phone="+1 555-010-0123",
        address="1 Main St\nSpringfield",
    )
    assert result["__typename"] == "RegisterSuccess"
    user = result["auth"]["user"]
    assert user == {
        "id": user["id"],
        "username": name,
        "email": f"{name}@Example.com",
        "firstName": "Ann",
        "lastName": None,
        "phone": "+15550100123",
        "address": "1 Main St\nSpringfield",
        "role": "USER",
        "permissions": [],
        "active": True,
        "createdAt": user["createdAt"],
        "updatedAt": user["createdAt"],
    }
    me = await client.run("{ me { id } }", result["auth"]["accessToken"])
    assert me == {"me": {"id": user["id"]}}


async def test_access_token_says_who_what_and_for_how_long(ann, settings):
    viewer = await TokenVerifier(KeyRing(settings.jwt.keys_dir), settings.jwt).verify(ann["accessToken"])
    assert viewer.user_id == ann["user"]["id"]
    assert viewer.role == "USER"
    assert viewer.permissions == frozenset()
    assert viewer.session_id
    assert viewer.token_id


BAD = {
    "username": ["ab", "a b c", ""],
    "email": ["nobody", ""],
    "password": ["short", "x" * 129],
    "phone": ["call me"],
    "firstName": ["x" * 101, "a\x00b"],
    "lastName": ["a\nb"],
    "address": ["x" * 501, "a\x00b"],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in BAD.items() for v in values])
async def test_field_that_does_not_fit_is_named_and_nothing_is_written(client, postgres, name, field, value):
    result = await client.register(**{"username": name, "email": f"{name}@example.com", field: value})
    assert result["__typename"] == "ValidationError"
    assert (result["code"], result["field"]) == ("VALIDATION_FAILED", field)
    keys = {"name": name, "email": f"{name}@example.com"}
    assert not await execute(
        postgres, "SELECT 1 FROM users WHERE username_key = :name OR email_key = :email", **keys
    )


@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_missing_field_is_bad_input(client, name, field):
    fields = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    del fields[field]
    error = await client.error(
        "mutation($i: RegisterInput!) { register(input: $i) { __typename } }", i=fields
    )
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["requestId"]


@pytest.mark.parametrize("fields", [{"username": 7}, {"admin": True}, {"role": "ADMIN"}])
async def test_wrong_type_and_unknown_field_are_bad_input(client, name, fields):
    given = {"username": name, "email": f"{name}@example.com", "password": PASSWORD, **fields}
    error = await client.error("mutation($i: RegisterInput!) { register(input: $i) { __typename } }", i=given)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("field", ["username", "email"])
async def test_name_that_differs_by_case_only_is_taken(client, name, field):
    first = {"username": name, "email": f"{name}@example.com"}
    await client.register(**first)
    second = {"username": f"{name}-b", "email": f"{name}-b@example.com", field: first[field].upper()}
    result = await client.register(**second)
    assert (result["__typename"], result["code"]) == ("ConflictError", "CONFLICT")
    assert result["message"] == f"The {field} is taken by another account; choose another."


async def test_hundred_concurrent_registrations_of_one_name_open_one_account(client, postgres, name):
    results = await asyncio.gather(
        *(client.register(username=name, email=f"{name}-{i}@example.com") for i in range(100))
    )
    outcomes = [r["__typename"] for r in results]
    assert outcomes.count("RegisterSuccess") == 1
    assert outcomes.count("ConflictError") == 99
    assert {r["message"] for r in results if "message" in r} == {
        "The username is taken by another account; choose another."
    }
    [(users, sessions, events)] = await execute(
        postgres,
        "SELECT (SELECT count(*) FROM users WHERE username_key = :name),"
        " (SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username_key = :name),"
        " (SELECT count(*) FROM outbox WHERE envelope::json->'data'->>'username' = :name)",
        name=name,
    )
    assert (users, sessions, events) == (1, 1, 1)


async def test_first_of_concurrent_first_accounts_alone_is_administrator(make_settings):
    settings = make_settings(first_account_admin=True)
    await migrate(settings)
    async with client_of(settings) as client:
        results = await asyncio.gather(
            *(client.register(username=f"first-{i}", email=f"first-{i}@example.com") for i in range(8))
        )
        later = await client.register(username="later", email="later@example.com")
    roles = [r["auth"]["user"]["role"] for r in results]
    assert sorted(roles) == ["ADMIN"] + ["USER"] * 7
    [administrator] = [r["auth"]["user"] for r in results if r["auth"]["user"]["role"] == "ADMIN"]
    assert administrator["permissions"] == [
        "MANAGE_ORDERS",
        "MANAGE_PRODUCTS",
        "MANAGE_USERS",
        "VIEW_REPORTS",
    ]
    assert later["auth"]["user"]["role"] == "USER"


async def test_first_account_is_an_ordinary_one_unless_set(make_settings):
    settings = make_settings()
    await migrate(settings)
    async with client_of(settings) as client:
        result = await client.register(username="first", email="first@example.com")
    assert result["auth"]["user"]["role"] == "USER"


async def test_event_of_a_registration_reaches_its_stream(settings, ann):
    user = ann["user"]
    async with create_redis(settings.redis) as redis, asyncio.timeout(10):
        while True:
            entries = [orjson.loads(fields["event"]) for _, fields in await redis.xrange("events:users")]
            found = [e for e in entries if e["data"]["user_id"] == user["id"]]
            if found:
                break
            await asyncio.sleep(0.02)
    [event] = found
    assert set(event) == {"id", "type", "source", "data", "timestamp", "traceparent"}
    assert (event["type"], event["source"]) == ("UserRegistered", "users")
    assert event["data"] == {
        "user_id": user["id"],
        "username": user["username"],
        "email": user["email"],
        "role": "USER",
        "created_at": user["createdAt"],
    }


async def test_registrations_are_counted(client, name):
    async def count() -> float:
        lines = (await client.http.get("/metrics")).text.splitlines()
        [line] = [one for one in lines if one.startswith("user_registrations_total ")]
        return float(line.split()[1])

    before = await count()
    await client.register(username=name, email=f"{name}@example.com")
    await client.register(username=name, email=f"{name}@example.com")
    assert await count() == before + 1


async def test_password_is_stored_as_a_hash_only(postgres, ann):
    [(stored,)] = await execute(
        postgres, "SELECT row_to_json(users)::text FROM users WHERE id = :id", id=ann["user"]["id"]
    )
    assert PASSWORD not in stored
    assert "$argon2id$" in stored

"""Logging in and out."""

import asyncio

import pytest

from subgraphs.users.credentials.passwords import Passwords
from tests.subgraphs.users.graphql_client import PASSWORD, client_of, execute

LOGOUT = "mutation { logout { __typename ... on LogoutSuccess { sessionId } ... on Error { code message } } }"


@pytest.mark.parametrize("field", ["username", "email"])
async def test_either_name_in_any_case_logs_in(client, ann, field):
    result = await client.login(**{field: f" {ann['user'][field].upper()} "})
    assert result["__typename"] == "LoginSuccess"
    assert result["auth"]["user"] == {k: ann["user"][k] for k in ("id", "username", "email")}
    assert result["auth"]["refreshToken"] != ann["refreshToken"]


async def test_wrong_password_and_unknown_account_get_the_same_answer(client, ann, postgres):
    before = await _sessions(postgres, ann)
    answers = [
        await client.login(email=ann["user"]["email"], password="password124"),
        await client.login(username=ann["user"]["username"], password=""),
        await client.login(username=ann["user"]["username"], password="x" * 200),
        await client.login(email="nobody@example.com"),
        await client.login(username="nobody"),
        await client.login(username="a\x00b"),
    ]
    expected = {
        "__typename": "AuthenticationError",
        "code": "UNAUTHENTICATED",
        "message": "The name or the password is wrong.",
    }
    assert answers == [expected] * len(answers)
    assert await _sessions(postgres, ann) == before


async def test_known_and_unknown_accounts_cost_one_check_each(client, ann, monkeypatch):
    checked = []
    verify = Passwords.verify

    async def counted(self, password, password_hash):
        checked.append(password_hash is not None)
        return await verify(self, password, password_hash)

    monkeypatch.setattr(Passwords, "verify", counted)
    await client.login(username=ann["user"]["username"], password="password124")
    await client.login(username="nobody")
    assert checked == [True, False]


@pytest.mark.parametrize(
    "names", [{}, {"email": ""}, {"email": None, "username": None}, {"email": "a@b.co", "username": "ann"}]
)
async def test_exactly_one_name_is_needed(client, names):
    result = await client.login(**names)
    assert (result["__typename"], result["field"]) == ("ValidationError", "email")


async def test_missing_password_is_bad_input(client):
    error = await client.error('mutation { login(input: {username: "ann"}) { __typename } }')
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_disabled_account_is_told_so_only_with_its_password(client, ann, postgres):
    await execute(postgres, "UPDATE users SET active = false WHERE id = :id", id=ann["user"]["id"])
    right = await client.login(username=ann["user"]["username"])
    assert (right["__typename"], right["code"]) == ("PermissionError", "FORBIDDEN")
    wrong = await client.login(username=ann["user"]["username"], password="password124")
    assert wrong["__typename"] == "AuthenticationError"


async def test_hash_of_old_parameters_is_made_anew_at_login(client, ann, postgres, settings):
    old = await _hash(postgres, ann)
    stronger = settings.passwords.model_copy(update={"iterations": 2})
    async with client_of(settings.model_copy(update={"passwords": stronger})) as other:
        await other.login(username=ann["user"]["username"], password="password124")
        assert await _hash(postgres, ann) == old
        await other.login(username=ann["user"]["username"])
    new = await _hash(postgres, ann)
    assert ",t=1," in old
    assert ",t=2," in new
    assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"


async def test_session_remembers_where_it_came_from(client, ann, postgres):
    await client.http.post(
        "/graphql",
        json={
            "query": "mutation($i: LoginInput!) { login(input: $i) { __typename } }",
            "variables": {"i": {"username": ann["user"]["username"], "password": PASSWORD}},
        },
        headers={"user-agent": "Walker/1.0", "x-client-address": "203.0.113.9"},
    )
    rows = await execute(
        postgres,
        "SELECT user_agent, address FROM sessions WHERE user_id = :id ORDER BY id DESC LIMIT 1",
        id=ann["user"]["id"],
    )
    assert [tuple(row) for row in rows] == [("Walker/1.0", "203.0.113.9")]


async def test_logout_ends_this_session_and_no_other(client, ann):
    other = (await client.login(username=ann["user"]["username"]))["auth"]
    result = (await client.run(LOGOUT, ann["accessToken"]))["logout"]
    assert result["__typename"] == "LogoutSuccess"
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "AuthenticationError"
    assert (await client.refresh(other["refreshToken"]))["__typename"] == "RefreshSuccess"


async def test_logout_without_a_token_is_refused(client):
    result = (await client.run(LOGOUT))["logout"]
    assert (result["__typename"], result["code"]) == ("AuthenticationError", "UNAUTHENTICATED")


async def test_flood_beyond_the_queue_is_told_to_come_back(settings):
    narrow = settings.passwords.model_copy(update={"threads": 1, "queue": 1})
    async with client_of(settings.model_copy(update={"passwords": narrow})) as client:
        results = await asyncio.gather(*(client.login(username="nobody") for _ in range(12)))
    outcomes = {r["__typename"] for r in results}
    assert outcomes == {"AuthenticationError", "RateLimitedError"}


async def _hash(postgres, ann):
    [(found,)] = await execute(
        postgres, "SELECT password_hash FROM users WHERE id = :id", id=ann["user"]["id"]
    )
    return found


async def _sessions(postgres, ann):
    [(found,)] = await execute(
        postgres, "SELECT count(*) FROM sessions WHERE user_id = :id", id=ann["user"]["id"]
    )
    return found

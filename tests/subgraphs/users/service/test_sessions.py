"""One's own sessions: seeing and ending them."""

import asyncio

import pytest

from subgraphs.kit.postgres.engine import Postgres
from tests.subgraphs.users.graphql_client import ME, client_of, execute

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
REVOKE = """
mutation Revoke($id: ID!) {
  revokeSession(id: $id) {
    __typename
    ... on RevokeSessionSuccess { sessionId }
    ... on Error { code message }
  }
}
"""
EVERYWHERE = """
mutation {
  logoutEverywhere {
    __typename
    ... on LogoutEverywhereSuccess { sessionIds }
    ... on Error { code message }
  }
}
"""


async def test_sessions_say_what_where_and_when_and_which_is_this_one(client, ann):
    away = client.at("203.0.113.9", user_agent=FIREFOX)
    other = (await away.login(username=ann["user"]["username"]))["auth"]
    [second, first] = await client.sessions(ann["accessToken"])
    assert (first["current"], second["current"]) == (True, False)
    assert (second["device"], second["ip"], second["userAgent"]) == (
        "Firefox on Linux",
        "203.0.113.9",
        FIREFOX,
    )
    assert second["createdAt"] == second["lastUsedAt"] < second["expiresAt"]
    [second, first] = await client.sessions(other["accessToken"])
    assert (first["current"], second["current"]) == (False, True)


async def test_refresh_keeps_the_session_and_moves_its_last_use(client, ann):
    [before] = await client.sessions(ann["accessToken"])
    auth = (await client.at("203.0.113.9").refresh(ann["refreshToken"]))["auth"]
    [after] = await client.sessions(auth["accessToken"])
    assert (after["id"], after["current"], after["ip"]) == (before["id"], True, "203.0.113.9")
    assert after["lastUsedAt"] > before["lastUsedAt"]


async def test_sessions_are_for_their_owner_only(client, ann, admin):
    query = "query($id: ID!) { user(id: $id) { username sessions { id ip } } }"
    for token, code in ((None, "UNAUTHENTICATED"), (admin["accessToken"], "FORBIDDEN")):
        body = (await client.post(query, token, id=ann["user"]["id"])).json()
        assert [e["extensions"]["code"] for e in body["errors"]] == [code]
        assert body["data"] == {"user": None}


async def test_revoked_session_ends_with_its_tokens_and_leaves_the_others(client, ann):
    other = (await client.login(username=ann["user"]["username"]))["auth"]
    [target] = [s for s in await client.sessions(ann["accessToken"]) if not s["current"]]
    result = (await client.run(REVOKE, ann["accessToken"], id=target["id"]))["revokeSession"]
    assert result == {"__typename": "RevokeSessionSuccess", "sessionId": target["id"]}
    assert (await client.post(ME, other["accessToken"])).status_code == 401
    assert (await client.refresh(other["refreshToken"]))["__typename"] == "AuthenticationError"
    assert [s["current"] for s in await client.sessions(ann["accessToken"])] == [True]
    assert (await client.run(REVOKE, ann["accessToken"], id=target["id"]))["revokeSession"][
        "code"
    ] == "NOT_FOUND"


async def test_session_of_someone_else_is_not_found_and_stays(client, ann, admin):
    [session] = await client.sessions(ann["accessToken"])
    result = (await client.run(REVOKE, admin["accessToken"], id=session["id"]))["revokeSession"]
    assert (result["__typename"], result["code"]) == ("NotFoundError", "NOT_FOUND")
    assert await client.sessions(ann["accessToken"])


@pytest.mark.parametrize("bad", ["", "1", "a\x00b", "01930000-0000-7000-8000-000000000000"])
async def test_unknown_session_is_not_found(client, ann, bad):
    assert (await client.run(REVOKE, ann["accessToken"], id=bad))["revokeSession"]["code"] == "NOT_FOUND"


async def test_logout_everywhere_ends_all_and_this_one_too(client, ann, admin):
    auths = [ann, *[(await client.login(username=ann["user"]["username"]))["auth"] for _ in range(3)]]
    result = (await client.run(EVERYWHERE, ann["accessToken"]))["logoutEverywhere"]
    assert len(result["sessionIds"]) == 4
    for auth in auths:
        assert (await client.post(ME, auth["accessToken"])).status_code == 401
        assert (await client.refresh(auth["refreshToken"]))["__typename"] == "AuthenticationError"
    assert (await client.run(ME, admin["accessToken"]))["me"]


@pytest.mark.parametrize("document", [REVOKE, EVERYWHERE])
async def test_nobody_ends_nothing(client, document):
    [result] = (await client.run(document, **({"id": "x"} if document == REVOKE else {}))).values()
    assert result["__typename"] == "AuthenticationError"


async def test_end_that_redis_has_not_heard_of_is_told_when_it_is_there_again(ann, settings):
    """What a crash between the commit and Redis leaves behind, another process makes good."""
    pool = Postgres(settings.database, application="tests")
    access_id = await execute(
        pool,
        "WITH ended AS (UPDATE sessions SET ended_at = now() WHERE user_id = :id RETURNING access_id)"
        " INSERT INTO unpublished_revocations (access_id) SELECT access_id FROM ended RETURNING access_id",
        id=ann["user"]["id"],
    )
    async with client_of(settings) as other, asyncio.timeout(5):
        # A poll, since what is awaited is what another process would answer.
        while (await other.post(ME, ann["accessToken"])).status_code == 200:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
    [(left,)] = await execute(
        pool, "SELECT count(*) FROM unpublished_revocations WHERE access_id = :id", id=access_id[0][0]
    )
    assert left == 0
    await pool.close()

"""Refresh tokens: rotation, the grace after it, and the end of a family that is reused."""

import asyncio

import pytest

from subgraphs.users.credentials.refresh_tokens import RefreshToken
from tests.subgraphs.users.graphql_client import execute


async def test_refresh_gives_new_tokens_and_keeps_the_session(client, ann, postgres):
    result = await client.refresh(ann["refreshToken"])
    assert result["__typename"] == "RefreshSuccess"
    auth = result["auth"]
    assert auth["user"] == {"id": ann["user"]["id"], "email": ann["user"]["email"]}
    assert auth["refreshToken"] != ann["refreshToken"]
    assert (await client.run("{ me { id } }", auth["accessToken"]))["me"]["id"] == ann["user"]["id"]
    [(sessions,)] = await execute(
        postgres, "SELECT count(*) FROM sessions WHERE user_id = :id", id=ann["user"]["id"]
    )
    assert sessions == 1


async def test_fifty_concurrent_refreshes_have_one_successor(client, ann):
    results = await asyncio.gather(*(client.refresh(ann["refreshToken"]) for _ in range(50)))
    assert {r["__typename"] for r in results} == {"RefreshSuccess"}
    [successor] = {r["auth"]["refreshToken"] for r in results}
    assert (await client.refresh(successor))["__typename"] == "RefreshSuccess"


async def test_token_gives_the_same_successor_within_the_grace(client, ann):
    first = await client.refresh(ann["refreshToken"])
    again = await client.refresh(ann["refreshToken"])
    assert again["auth"]["refreshToken"] == first["auth"]["refreshToken"]


async def test_token_used_after_the_grace_ends_the_family(client, ann, postgres):
    first = await client.refresh(ann["refreshToken"])
    await _age(postgres, ann, "rotated_at = rotated_at - interval '11 s'")
    assert await client.refresh(ann["refreshToken"]) == ENDED
    assert await client.refresh(first["auth"]["refreshToken"]) == ENDED


async def test_token_from_before_the_last_one_ends_the_family_at_once(client, ann):
    second = (await client.refresh(ann["refreshToken"]))["auth"]["refreshToken"]
    third = (await client.refresh(second))["auth"]["refreshToken"]
    assert await client.refresh(ann["refreshToken"]) == ENDED
    assert await client.refresh(second) == ENDED
    assert await client.refresh(third) == ENDED


async def test_end_of_a_family_leaves_the_user_s_other_sessions(client, ann):
    other = (await client.login(username=ann["user"]["username"]))["auth"]["refreshToken"]
    second = (await client.refresh(ann["refreshToken"]))["auth"]["refreshToken"]
    await client.refresh(second)
    assert await client.refresh(ann["refreshToken"]) == ENDED
    assert (await client.refresh(other))["__typename"] == "RefreshSuccess"


async def test_expired_token_is_refused(client, ann, postgres):
    await _age(postgres, ann, "expires_at = now() - interval '1 s'")
    assert await client.refresh(ann["refreshToken"]) == ENDED


async def test_refresh_extends_the_session(client, ann, postgres):
    await _age(postgres, ann, "expires_at = now() + interval '1 min'")
    await client.refresh(ann["refreshToken"])
    [(days,)] = await execute(
        postgres,
        "SELECT round(extract(epoch FROM expires_at - now()) / 86400) FROM sessions WHERE user_id = :id",
        id=ann["user"]["id"],
    )
    assert days == 7


async def test_refresh_of_a_disabled_account_is_refused_and_rotates_nothing(client, ann, postgres):
    await execute(postgres, "UPDATE users SET active = false WHERE id = :id", id=ann["user"]["id"])
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "PermissionError"
    await execute(postgres, "UPDATE users SET active = true WHERE id = :id", id=ann["user"]["id"])
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "RefreshSuccess"


async def test_refresh_carries_a_change_of_role(client, ann, postgres):
    await execute(postgres, "UPDATE users SET role = 'STAFF' WHERE id = :id", id=ann["user"]["id"])
    auth = (await client.refresh(ann["refreshToken"]))["auth"]
    me = (await client.run("{ me { role permissions } }", auth["accessToken"]))["me"]
    assert me == {"role": "STAFF", "permissions": ["MANAGE_ORDERS", "MANAGE_PRODUCTS", "VIEW_REPORTS"]}


@pytest.mark.parametrize("token", ["", "x", "é\x00", "A" * 86, "A" * 1000])
async def test_text_that_is_no_token_is_refused(client, token):
    assert await client.refresh(token) == ENDED


async def test_guess_at_a_family_ends_nothing(client, ann):
    real = RefreshToken.parse(ann["refreshToken"])
    stranger = RefreshToken.new()
    assert await client.refresh(RefreshToken(stranger.family, real.secret).text) == ENDED
    assert (await client.refresh(ann["refreshToken"]))["__typename"] == "RefreshSuccess"


async def test_access_token_is_no_refresh_token(client, ann):
    assert await client.refresh(ann["accessToken"]) == ENDED


async def test_database_holds_no_token(client, ann, postgres):
    current = (await client.refresh(ann["refreshToken"]))["auth"]["refreshToken"]
    [row] = await execute(postgres, "SELECT * FROM sessions WHERE user_id = :id", id=ann["user"]["id"])
    stored = b"".join(bytes(v) for v in row if isinstance(v, bytes))
    for text in (ann["refreshToken"], current):
        token = RefreshToken.parse(text)
        assert token.secret not in stored
        assert token.family not in stored


ENDED = {
    "__typename": "AuthenticationError",
    "code": "UNAUTHENTICATED",
    "message": "The session has ended; log in again.",
}


async def _age(postgres, ann, change):
    await execute(postgres, f"UPDATE sessions SET {change} WHERE user_id = :id", id=ann["user"]["id"])

"""Access tokens that stop with their session, in every service."""

import asyncio
from datetime import timedelta

import pytest

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.ids import new_id
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from tests.harness.tcp_proxy import proxy_to
from tests.subgraphs.users.graphql_client import client_of, execute

LOGOUT = "mutation { logout { __typename } }"
ME = "{ me { id } }"


@pytest.fixture
async def redis(settings):
    async with create_redis(settings.redis) as redis:
        yield redis


async def test_logout_stops_the_access_token_and_leaves_those_of_other_sessions(client, ann):
    other = (await client.login(username=ann["user"]["username"]))["auth"]
    await client.run(ME, ann["accessToken"])
    await client.run(LOGOUT, ann["accessToken"])
    response = await client.post(ME, ann["accessToken"])
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == Unauthenticated.code
    assert (await client.run(ME, other["accessToken"]))["me"]["id"] == ann["user"]["id"]


async def test_reuse_of_a_refresh_token_stops_the_access_tokens_of_its_family(client, ann, postgres):
    auth = (await client.refresh(ann["refreshToken"]))["auth"]
    await execute(
        postgres,
        "UPDATE sessions SET rotated_at = rotated_at - interval '11 s' WHERE user_id = :id",
        id=ann["user"]["id"],
    )
    await client.refresh(ann["refreshToken"])
    for token in (ann["accessToken"], auth["accessToken"]):
        assert (await client.post(ME, token)).status_code == 401


async def test_other_process_learns_of_it_by_itself(client, ann, settings):
    async with client_of(settings) as other:
        assert (await other.run(ME, ann["accessToken"]))["me"]
        await client.run(LOGOUT, ann["accessToken"])
        async with asyncio.timeout(10):
            # A poll, since what is awaited is what another process would answer.
            while (await other.post(ME, ann["accessToken"])).status_code == 200:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.05)


async def test_answer_is_remembered_for_as_long_as_it_is_fresh(redis):
    session_id = new_id()
    near, far = RedisRevocations(redis, fresh_for=0.0), RedisRevocations(redis, fresh_for=60.0)
    assert not await far.revoked(session_id)
    assert await near.revoke(session_id, lifetime=timedelta(minutes=1))
    assert await near.revoked(session_id)
    assert not await far.revoked(session_id)
    assert 0 < await redis.ttl(f"revoked:session:{session_id}") <= 60


async def test_without_redis_tokens_hold_and_what_was_known_stays_in_force(settings):
    async with proxy_to(settings.redis.url) as proxy:
        redis = create_redis(RedisSettings(url=proxy.url))
        revocations = RedisRevocations(redis, fresh_for=0.1)
        ended, live = new_id(), new_id()
        await revocations.revoke(ended, lifetime=timedelta(minutes=1))
        await proxy.stop()
        await asyncio.sleep(0.11)
        assert await revocations.revoked(ended)
        assert not await revocations.revoked(live)
        assert not await revocations.revoke(live, lifetime=timedelta(minutes=1))
        assert await revocations.revoked(live)
        await proxy.start()
        await redis.aclose()


async def test_logout_without_redis_still_ends_the_session(settings, new_name):
    async with proxy_to(settings.redis.url) as proxy:
        behind = settings.redis.model_copy(update={"url": proxy.url})
        async with client_of(settings.model_copy(update={"redis": behind})) as client:
            name = new_name()
            ann = (await client.register(username=name, email=f"{name}@example.com"))["auth"]
            await proxy.stop()
            assert (await client.run(LOGOUT, ann["accessToken"]))["logout"]["__typename"] == "LogoutSuccess"
            assert (await client.refresh(ann["refreshToken"]))["__typename"] == "AuthenticationError"
            await proxy.start()

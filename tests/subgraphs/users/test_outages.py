"""A store that goes away and comes back, while the process stays."""

import asyncio

import pytest

from subgraphs.kit.http import operations
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.users.migrations import migrate
from tests.harness.tcp_proxy import proxy_to
from tests.subgraphs.users.graphql_client import client_of, execute


@pytest.fixture
async def behind_proxies(make_settings, monkeypatch):
    """The subgraph on a database and a Redis behind proxies; each look at `/ready` is a fresh one."""
    monkeypatch.setattr(operations, "REMEMBERED_SECONDS", 0.0)
    settings = make_settings()
    await migrate(settings)
    async with proxy_to(settings.database.url) as database, proxy_to(settings.redis.url) as redis:
        behind = settings.model_copy(
            update={
                "database": settings.database.model_copy(update={"url": database.url}),
                "redis": settings.redis.model_copy(update={"url": redis.url}),
            }
        )
        async with client_of(behind) as client:
            yield client, database, redis


async def ready(client):
    response = await client.http.get("/ready")
    return response.status_code, response.json()["checks"]


async def test_database_that_is_down_is_unavailable_until_it_is_back(behind_proxies):
    client, database, _ = behind_proxies
    ann = (await client.register(username="ann", email="ann@example.com"))["auth"]
    assert await ready(client) == (200, {"postgres": True, "redis": True})
    await database.stop()

    answer = await client.post(
        'mutation { login(input: {username: "ann", password: "password123"}) { __typename } }'
    )
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["message"] == "A part of the system cannot be reached at the moment; try again."
    assert "127.0.0.1" not in answer.text
    entities = await client.post(
        "query($of: [_Any!]!) { _entities(representations: $of) { __typename } }",
        of=[{"__typename": "User", "id": ann["user"]["id"]}],
    )
    assert [e["extensions"]["code"] for e in entities.json()["errors"]] == ["UNAVAILABLE"]
    assert await ready(client) == (503, {"postgres": False, "redis": True})
    assert (await client.http.get("/health")).status_code == 200
    assert (await client.http.get("/.well-known/jwks.json")).status_code == 200

    await database.start()
    assert (await client.login(username="ann"))["__typename"] == "LoginSuccess"
    assert (await client.run("{ me { username } }", ann["accessToken"]))["me"] == {"username": "ann"}
    assert (await ready(client))[0] == 200


async def test_registration_does_not_need_redis_and_its_event_is_sent_later(behind_proxies):
    client, database, redis = behind_proxies
    await redis.stop()
    assert (await client.register(username="bob", email="bob@example.com"))["__typename"] == "RegisterSuccess"
    assert await ready(client) == (503, {"postgres": True, "redis": False})
    pool = Postgres(DatabaseSettings(url=database.url), application="tests")
    unsent = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    assert [tuple(row) for row in await execute(pool, unsent)] == [(1,)]
    await redis.start()
    async with asyncio.timeout(10):
        # A poll, since PostgreSQL tells nobody of a change.
        while (await execute(pool, unsent))[0][0]:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
    assert (await ready(client))[0] == 200
    await pool.close()

"""When sessions were last used."""

import asyncio

from subgraphs.kit.background import running
from subgraphs.users.jobs import last_use as module
from subgraphs.users.jobs.last_use import LastUse
from subgraphs.users.store import SessionStore
from tests.subgraphs.users.graphql_client import execute


async def test_requests_move_the_last_use_in_one_statement(client, ann, postgres):
    await execute(
        postgres,
        "UPDATE sessions SET last_used_at = last_used_at - interval '1 h' WHERE user_id = :id",
        id=ann["user"]["id"],
    )
    [before] = await client.sessions(ann["accessToken"])
    [(access_id,)] = await execute(
        postgres, "SELECT access_id::text FROM sessions WHERE user_id = :id", id=ann["user"]["id"]
    )
    last_use = LastUse(postgres=postgres)
    for _ in range(100):
        last_use.note(access_id)
    last_use.note(None)
    await last_use.flush()
    [after] = await client.sessions(ann["accessToken"])
    assert after["lastUsedAt"] > before["lastUsedAt"]


async def test_exception_neither_ends_the_job_nor_loses_what_was_noted(client, postgres, ann, monkeypatch):
    touch, failures = SessionStore.touch, []

    async def fails_once(self, access_ids):
        if not failures:
            failures.append(1)
            raise RuntimeError("deadlock detected")
        await touch(self, access_ids)

    monkeypatch.setattr(SessionStore, "touch", fails_once)
    monkeypatch.setattr(module, "_EVERY", 0.01)
    [before] = await client.sessions(ann["accessToken"])
    [(access_id,)] = await execute(
        postgres, "SELECT access_id::text FROM sessions WHERE user_id = :id", id=ann["user"]["id"]
    )
    last_use = LastUse(postgres=postgres)
    last_use.note(access_id)
    async with running(last_use.job), asyncio.timeout(10):
        # A poll, since PostgreSQL tells nobody of a change.
        while (await client.sessions(ann["accessToken"]))[0]["lastUsedAt"] == before["lastUsedAt"]:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
    assert failures == [1]

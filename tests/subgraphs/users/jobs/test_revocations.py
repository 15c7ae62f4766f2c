"""Publishing what a crash or an outage has left over."""

import asyncio

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.background import running
from subgraphs.kit.ids import new_id
from subgraphs.kit.redis.client import create_redis
from subgraphs.users.jobs import revocations as module
from subgraphs.users.jobs.revocations import republish_job
from subgraphs.users.service import RevocationPublisher
from subgraphs.users.store import SessionStore
from tests.subgraphs.users.graphql_client import execute


async def test_what_was_left_over_is_published_whatever_happens_on_the_way(settings, postgres, monkeypatch):
    unpublished, failures = SessionStore.unpublished_revocations, []

    async def fails_once(self, *, limit):
        if not failures:
            failures.append(1)
            raise RuntimeError("a fault of ours")
        return await unpublished(self, limit=limit)

    monkeypatch.setattr(SessionStore, "unpublished_revocations", fails_once)
    monkeypatch.setattr(module, "_EVERY", 0.01)
    access_id = new_id()
    await execute(postgres, "INSERT INTO unpublished_revocations (access_id) VALUES (:id)", id=access_id)
    async with create_redis(settings.redis) as redis:
        revocations = RedisRevocations(redis, fresh_for=0.0)
        publisher = RevocationPublisher(postgres=postgres, revocations=revocations, settings=settings.jwt)
        async with running(republish_job(publisher)), asyncio.timeout(10):
            # A poll, since Redis tells nobody of a key.
            while not await redis.exists(f"revoked:session:{access_id}"):  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.02)
    assert failures == [1]

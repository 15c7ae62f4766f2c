"""The relay between real stores: at least once, in order, by one leader."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import MetaData, Table, event, text

from deploy.local.engines import Redis as RedisEngine
from subgraphs.kit.background import running
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres import outbox as outbox_module
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import OutboxRelay, enqueue, outbox_table
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import DatabaseSettings, RedisSettings
from tests.harness.samples import sample
from tests.subgraphs.kit.postgres.databases import database_with

_metadata = MetaData()
OUTBOX = outbox_table(_metadata)


class Outbox:
    """An outbox of a source of its own, and the stream that its events arrive in."""

    def __init__(self, postgres: Postgres, redis: Redis) -> None:
        self.postgres = postgres
        self.redis = redis
        self.source = new_id()

    async def write(self, *numbers: int, key: str = "k") -> None:
        async with self.postgres.unit_of_work() as connection:
            events = [Event(type="Counted", source=self.source, key=key, data={"n": n}) for n in numbers]
            await enqueue(connection, OUTBOX, *events)

    async def arrived(self) -> list[int]:
        entries = await self.redis.xrange(stream_of(self.source))
        return [orjson.loads(fields["event"])["data"]["n"] for _, fields in entries]

    async def unpublished(self) -> int:
        async with self.postgres.read() as connection:
            query = text("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            return int((await connection.execute(query)).scalar_one())

    async def until(self, numbers: list[int]) -> None:
        """Until `numbers` have arrived and are marked."""

        async def settled() -> bool:
            return await self.arrived() == numbers and await self.unpublished() == 0

        await eventually(settled)

    async def lock_is_free(self) -> bool:
        async with self.postgres.read() as connection:
            return not (await connection.execute(text(f"SELECT pid {_LOCKS}"))).all()


_LOCKS = """
FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 30) -> None:
    """Return as soon as `holds`. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in a store, not in this process
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
async def database(engines: Any) -> DatabaseSettings:
    return await database_with(_metadata, engines, "outbox", pool_size=4)


@pytest.fixture
async def postgres(database: DatabaseSettings) -> AsyncIterator[Postgres]:
    postgres = Postgres(database, application="relay")
    async with postgres.unit_of_work() as connection:
        await connection.execute(text("DELETE FROM outbox"))
    yield postgres
    await postgres.close()


@pytest.fixture
async def outbox(postgres: Postgres, engines: Any) -> AsyncIterator[Outbox]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield Outbox(postgres, redis)


def relay_of(outbox: Outbox, redis: Any = None, table: Table = OUTBOX) -> OutboxRelay:
    return OutboxRelay(outbox.postgres, RedisStreams(redis or outbox.redis), table, interval=0.05)


async def test_events_arrive_in_their_order_and_are_marked(outbox: Outbox):
    await outbox.write(*range(450))
    async with running(relay_of(outbox).job):
        await outbox.until(list(range(450)))
        await outbox.write(450)
        await outbox.until(list(range(451)))
    assert await outbox.unpublished() == 0


async def test_a_wake_up_does_not_wait_for_the_poll(outbox: Outbox):
    relay = OutboxRelay(outbox.postgres, RedisStreams(outbox.redis), OUTBOX, interval=60)
    async with running(relay.job):
        await outbox.write(1)
        relay.wake_up()
        await outbox.until([1])
        await outbox.write(2)
        relay.wake_up()
        await outbox.until([1, 2])


async def test_what_rolled_back_never_leaves(outbox: Outbox):
    async with outbox.postgres.engine.connect() as connection:
        counted = Event(type="Counted", source=outbox.source, key="k", data={"n": 1})
        await enqueue(connection, OUTBOX, counted)
        await connection.rollback()
    await outbox.write(2)
    async with running(relay_of(outbox).job):
        await outbox.until([2])


async def test_the_row_of_a_transaction_that_commits_late_is_not_skipped(outbox: Outbox):
    late = asyncio.Event()

    async def slow() -> None:
        async with outbox.postgres.unit_of_work() as connection:
            counted = Event(type="Counted", source=outbox.source, key="slow", data={"n": 1})
            await enqueue(connection, OUTBOX, counted)
            await late.wait()

    slow_task = asyncio.create_task(slow())
    async with running(relay_of(outbox).job):
        await asyncio.sleep(0.05)
        await outbox.write(2)
        await outbox.until([2])
        late.set()
        await slow_task
        await outbox.until([2, 1])


class DiesAfterPublishing:
    """Redis takes what is sent, and then the process is gone before it can mark anything."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @asynccontextmanager
    async def pipeline(self, **options: Any) -> AsyncIterator[Any]:
        async with self._redis.pipeline(**options) as pipe:
            yield pipe
        raise KilledError


class KilledError(Exception):
    pass


async def test_a_crash_between_publishing_and_marking_publishes_again_and_loses_nothing(outbox: Outbox):
    await outbox.write(1, 2, 3)
    with pytest.raises(KilledError):
        await relay_of(outbox, DiesAfterPublishing(outbox.redis)).lead()
    assert await outbox.arrived() == [1, 2, 3]
    assert await outbox.unpublished() == 3
    async with running(relay_of(outbox).job):
        await outbox.until([1, 2, 3, 1, 2, 3])
    assert await outbox.unpublished() == 0
    ids = [orjson.loads(f["event"])["id"] for _, f in await outbox.redis.xrange(stream_of(outbox.source))]
    assert ids[:3] == ids[3:]  # by which a consumer knows the second one


async def test_of_two_relays_one_leads_and_the_other_takes_over(outbox: Outbox, database: DatabaseSettings):
    other_pool = Postgres(database, application="relay 2")
    other = Outbox(other_pool, outbox.redis)
    other.source = outbox.source
    try:
        async with AsyncExitStack() as leader:
            await leader.enter_async_context(running(relay_of(outbox).job))
            await outbox.write(1)
            await outbox.until([1])
            async with running(relay_of(other).job):
                for n in range(2, 40):
                    await outbox.write(n)
                await outbox.until(list(range(1, 40)))
                await leader.aclose()
                await outbox.write(40)
                await outbox.until(list(range(1, 41)))
    finally:
        await other_pool.close()


async def test_a_relay_that_is_stopped_gives_up_the_lock_and_leaves_its_pool_whole(outbox: Outbox):
    for n in range(6):  # more often than the pool has connections
        async with running(relay_of(outbox).job):
            await outbox.write(n)
            await outbox.until(list(range(n + 1)))
        assert outbox.postgres.engine.pool.checkedout() == 0
        await eventually(outbox.lock_is_free)
    await asyncio.gather(*(outbox.postgres.ping() for _ in range(12)))


async def test_a_relay_outlives_the_loss_of_its_database_session(outbox: Outbox):
    async with running(relay_of(outbox).job):
        await outbox.write(1)
        await outbox.until([1])
        async with outbox.postgres.read() as connection:
            await connection.execute(text(f"SELECT pg_terminate_backend(pid) {_LOCKS}"))
        await outbox.write(2)
        await outbox.until([1, 2])


async def test_a_relay_outlives_a_fault_of_its_own(outbox: Outbox, monkeypatch: pytest.MonkeyPatch):
    relay = relay_of(outbox)
    publish, faults = relay.publish_batch, [KeyError("a fault of ours")]

    async def fail_once(connection: Any) -> bool:
        if faults:
            raise faults.pop()
        return await publish(connection)

    monkeypatch.setattr(relay, "publish_batch", fail_once)
    await outbox.write(1)
    async with running(relay.job):
        await outbox.until([1])


async def test_events_wait_while_redis_is_down_and_leave_when_it_is_back(postgres: Postgres, tmp_path: Path):
    engine = RedisEngine(tmp_path / "redis")
    with engine:
        settings = RedisSettings(url=engine.url(), timeout="500ms")  # type: ignore[arg-type] # parsed
        async with create_redis(settings) as redis:
            outbox = Outbox(postgres, redis)
            async with running(relay_of(outbox).job):
                await outbox.write(1)
                await outbox.until([1])
                engine.stop()
                await outbox.write(2, 3)
                await asyncio.sleep(0.3)
                assert await outbox.unpublished() == 2
                engine.start()
                engine.wait_ready()
                await outbox.until([1, 2, 3])
            assert await outbox.unpublished() == 0


async def test_published_events_are_deleted_after_a_week(outbox: Outbox):
    async def left() -> list[int]:
        async with outbox.postgres.read() as connection:
            rows = (await connection.execute(text("SELECT envelope FROM outbox ORDER BY position"))).scalars()
            return [orjson.loads(envelope)["data"]["n"] for envelope in rows]

    async def only_the_young_ones() -> bool:
        return await left() == [2, 3]

    await outbox.write(1, 2, 3)
    for days, offset in ((8, 0), (6, 1)):
        async with outbox.postgres.unit_of_work() as connection:
            await connection.execute(
                text(
                    "UPDATE outbox SET published_at = now() - make_interval(days => :days) WHERE position = "
                    "(SELECT position FROM outbox ORDER BY position LIMIT 1 OFFSET :offset)"
                ),
                {"days": days, "offset": offset},
            )
    async with running(relay_of(outbox).job):
        await eventually(only_the_young_ones)
        await outbox.until([3])


async def test_an_event_that_is_refused_waits_and_holds_up_no_other(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox_module, "_TRY_REFUSED_AGAIN", 0.3)
    broken = Outbox(outbox.postgres, outbox.redis)
    await outbox.redis.set(stream_of(broken.source), "no stream")
    await broken.write(*range(250))  # more than a batch of them

    async def the_others_are_published() -> bool:
        return await outbox.arrived() == [1, 2]

    async def all_are_published() -> bool:
        return await outbox.unpublished() == 0

    async with running(relay_of(outbox).job):
        await outbox.write(1, 2)
        await eventually(the_others_are_published)
        assert await outbox.unpublished() == 250
        await outbox.redis.delete(stream_of(broken.source))
        await eventually(all_are_published)
    assert await broken.arrived() == list(range(250))


async def test_old_events_are_deleted_in_batches_by_their_index(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox_module, "_PURGE_BATCH", 10)
    await outbox.write(*range(35))
    async with outbox.postgres.unit_of_work() as connection:
        await connection.execute(text("UPDATE outbox SET published_at = now() - interval '8 days'"))
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT position FROM outbox WHERE published_at < now() ORDER BY published_at LIMIT 9"
            )
        )
        assert "outbox_published" in "\n".join(plan.scalars())
    statements: list[str] = []
    event.listen(
        outbox.postgres.engine.sync_engine,
        "before_cursor_execute",
        lambda _, __, statement, *___: statements.append(statement),
    )
    async with outbox.postgres.read() as connection:
        await relay_of(outbox)._purge(connection)
        assert (await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0
    assert len([s for s in statements if s.startswith("DELETE")]) == 4


async def test_what_has_not_left_is_measured_with_the_age_of_the_oldest(outbox: Outbox):
    relay = relay_of(outbox)
    await outbox.write(1, 2, 3)
    async with outbox.postgres.unit_of_work() as connection:
        last = "SELECT max(position) FROM outbox"
        aged = f"UPDATE outbox SET created_at = now() - interval '90 s' WHERE position = ({last})"
        await connection.execute(text(aged))
    await relay.measure()
    assert sample("outbox_unsent_events") == 3
    assert 90 <= sample("outbox_oldest_unsent_seconds") < 100
    async with outbox.postgres.read() as connection:
        await relay.publish_batch(connection)
    await relay.measure()
    assert (sample("outbox_unsent_events"), sample("outbox_oldest_unsent_seconds")) == (0, 0)

"""What every transport does: real servers, real deaths."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.background import running
from subgraphs.kit.events.event import Event
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import Inbox, inbox_table
from subgraphs.kit.postgres.outbox import OutboxRelay, enqueue, outbox_table
from subgraphs.kit.settings import DatabaseSettings
from tests.harness.launcher import ROOT
from tests.subgraphs.kit.events.counted_events import CountedEvents, OpenTransport, consuming

_metadata = MetaData()
INBOX = inbox_table(_metadata)
OUTBOX = outbox_table(_metadata)
EFFECTS = Table("effects", _metadata, Column("n", Integer, nullable=False))


async def test_events_come_in_their_order_and_also_those_from_before_the_first_consumer(
    counted: CountedEvents,
) -> None:
    await counted.write(*range(300))
    async with consuming(counted.consumer()):
        await counted.until(*range(300))
        await counted.write(300)
        await counted.until(*range(301))
    assert counted.handled == list(range(301))


async def test_each_group_gets_all_events_and_its_members_share_them(
    counted: CountedEvents, open_transport: OpenTransport
) -> None:
    transport = await open_transport(pause=timedelta(minutes=1))
    members = [counted.consumer(group, transport=transport) for group in ("g", "g", "other")]
    async with consuming(*members):
        await counted.write(*range(120))
        await counted.until(*range(120), *range(120))


async def test_poison_goes_to_the_dead_letters_and_nothing_behind_it_waits(
    open_transport: OpenTransport,
) -> None:
    counted = await CountedEvents.open(open_transport, pause=timedelta(minutes=1))
    counted.failures = {n: [KeyError("a fault of ours") for _ in range(9)] for n in range(60)}
    await counted.write(*range(60), 1000)
    consumer = counted.consumer()
    async with asyncio.timeout(30):
        while 1000 not in counted.handled:
            await consumer.consume_batch()
    assert await counted.letters() == [], "not one of them has been given up yet"
    await consumer.close()


async def test_what_keeps_failing_is_given_up_with_the_reason_and_replayed_once_for_its_group_alone(
    counted: CountedEvents,
) -> None:
    counted.failures = {1: [KeyError("a fault of ours") for _ in range(3)]}
    await counted.write(1, 2)
    async with consuming(counted.consumer()):
        await counted.until(2, dead=1)
    async with consuming(counted.consumer("other")):
        await counted.until(2, 1, 2, dead=1)
    (letter,) = await counted.letters()
    assert (letter.source, letter.group) == (counted.source, "g")
    assert letter.reason == "KeyError('a fault of ours'), after 3 attempts"
    assert Event.from_json(letter.text).data == {"n": 1}

    letters = counted.transport.dead_letters()
    assert [await letters.replay(letter), await letters.replay(letter)] == [True, False]
    async with consuming(counted.consumer(), counted.consumer("other")):
        await counted.until(2, 1, 2, 1)


# A broker waits ever longer before it hands out again what was given back: 17 s.
@pytest.mark.parametrize(
    "address", ["redis", pytest.param("rabbitmq", marks=pytest.mark.long)], indirect=True
)
async def test_an_outage_of_what_a_handler_needs_is_no_attempt(counted: CountedEvents) -> None:
    counted.failures = {n: [ConnectionRefusedError() for _ in range(4)] for n in (1, 2)}
    await counted.write(1, 2)
    async with consuming(counted.consumer(max_attempts=2)):
        await counted.until(1, 2, within=60)


async def test_what_takes_its_process_with_it_is_given_up_and_its_neighbours_are_not(
    counted: CountedEvents, open_transport: OpenTransport
) -> None:
    """A process that dies again and again while it handles one event, and has others in its hands."""

    class Died(BaseException):
        pass

    async def die(event: Event) -> None:
        if event.data["n"] == 3:
            raise Died
        await counted.handle(event)

    await counted.write(*range(6))
    async with asyncio.timeout(60):
        while not await counted.letters():
            transport: Any = await open_transport()
            consumer = counted.consumer(handler=die, transport=transport)
            try:
                async with asyncio.timeout(2):
                    while True:
                        await consumer.consume_batch()
            except (Died, TimeoutError):
                await consumer.close()
                if hasattr(transport, "close"):
                    await transport.close()
    # One that was handled as its process ended is handled again: each at least once.
    async with consuming(counted.consumer()), asyncio.timeout(30):
        while set(counted.handled) != {0, 1, 2, 4, 5} or (await counted.backlog()).dead != 1:  # noqa: ASYNC110 - in a server
            await asyncio.sleep(0.02)
    (letter,) = await counted.letters()
    assert Event.from_json(letter.text).data == {"n": 3}
    assert letter.reason == "3 attempts did not come to an end"


@pytest.fixture
async def postgres(engines: Any) -> AsyncIterator[Postgres]:
    postgres = Postgres(DatabaseSettings(url=engines.postgres_url("consumer")), application="tests")
    async with postgres.unit_of_work() as connection:
        await connection.run_sync(_metadata.create_all)
    yield postgres
    await postgres.close()


async def note(connection: AsyncConnection, event: Event) -> None:
    await connection.execute(insert(EFFECTS).values(n=event.data["n"]))


@pytest.mark.parametrize("moment", ["before the commit", "between effect and acknowledgement"])
async def test_a_process_killed_in_the_middle_of_an_event_lets_it_take_effect_once(
    counted: CountedEvents, address: str, postgres: Postgres, moment: str
) -> None:
    await counted.write(*range(5))
    database = postgres.engine.url.render_as_string(hide_password=False).replace("+asyncpg", "")
    consumer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.subgraphs.kit.events.killed_consumer",
        *(address, database, counted.source, moment),
        cwd=ROOT,
        env=os.environ,
    )
    async with asyncio.timeout(60):
        assert await consumer.wait() == -signal.SIGKILL
    inbox = Inbox(postgres=postgres, table=INBOX, consumer="g", effect=note)

    async def effects() -> list[int]:
        async with postgres.read() as connection:
            return list((await connection.execute(select(EFFECTS.c.n).order_by(EFFECTS.c.n))).scalars())

    assert await effects() == ([0, 1, 2] if moment.startswith("between") else [0, 1])

    async def handle(event: Event) -> None:
        await inbox.handle(event)
        await counted.handle(event)

    async with consuming(counted.consumer(handler=handle)):
        await counted.until(2, 3, 4)  # 2 was not acknowledged, and comes again
    assert await effects() == [0, 1, 2, 3, 4]


async def test_a_slow_transaction_with_a_lower_position_than_what_was_published_is_published_still(
    counted: CountedEvents, postgres: Postgres
) -> None:
    wrote, late = asyncio.Event(), asyncio.Event()

    async def write(n: int) -> None:
        async with postgres.unit_of_work() as connection:
            event = Event(type="Counted", source=counted.source, key=str(n), data={"n": n})
            await enqueue(connection, OUTBOX, event)
            if n == 1:
                wrote.set()
                await late.wait()

    relay = OutboxRelay(postgres, counted.transport, OUTBOX, interval=0.05)
    async with running(relay.job), consuming(counted.consumer()):
        slow = asyncio.create_task(write(1))
        await wrote.wait()
        await write(2)
        await counted.until(2)
        late.set()
        await slow
        await counted.until(2, 1)
    assert counted.handled == [2, 1]

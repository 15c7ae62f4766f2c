"""An event takes effect once, however often it is delivered and whoever dies meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.event import Event
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import RETENTION, Inbox, inbox_table, purge
from subgraphs.kit.settings import DatabaseSettings
from tests.subgraphs.kit.postgres.databases import database_with

_metadata = MetaData()
INBOX = inbox_table(_metadata)
EFFECTS = Table("effects", _metadata, Column("n", Integer, nullable=False))


@pytest.fixture(scope="module")
async def database(engines: Any) -> DatabaseSettings:
    return await database_with(_metadata, engines, "inbox", pool_size=12)


@pytest.fixture
async def postgres(database: DatabaseSettings) -> AsyncIterator[Postgres]:
    postgres = Postgres(database, application="consumer")
    async with postgres.unit_of_work() as connection:
        await connection.execute(text("TRUNCATE inbox, effects"))
    yield postgres
    await postgres.close()


def counted(n: int) -> Event:
    return Event(type="Counted", source="s", key="k", data={"n": n})


async def note(connection: AsyncConnection, event: Event) -> None:
    await connection.execute(insert(EFFECTS).values(n=event.data["n"]))


def inbox(postgres: Postgres, consumer: str = "c", effect: Any = note) -> Inbox:
    return Inbox(postgres=postgres, table=INBOX, consumer=consumer, effect=effect)


async def effects(postgres: Postgres) -> list[int]:
    async with postgres.read() as connection:
        return list((await connection.execute(select(EFFECTS.c.n).order_by(EFFECTS.c.n))).scalars())


async def test_an_event_that_comes_again_does_nothing(postgres: Postgres) -> None:
    event = counted(1)
    for _ in range(3):
        await inbox(postgres).handle(event)
    assert await effects(postgres) == [1]


async def test_each_consumer_has_an_inbox_of_its_own(postgres: Postgres) -> None:
    event = counted(1)
    await inbox(postgres, "a").handle(event)
    await inbox(postgres, "b").handle(event)
    assert await effects(postgres) == [1, 1]


async def test_many_deliveries_at_once_take_effect_once(postgres: Postgres) -> None:
    events = [counted(n) for n in range(5)]
    await asyncio.gather(*(inbox(postgres).handle(event) for event in events * 10))
    assert await effects(postgres) == [0, 1, 2, 3, 4]


async def test_an_effect_that_fails_leaves_no_trace_and_is_tried_again(postgres: Postgres) -> None:
    async def half(connection: AsyncConnection, event: Event) -> None:
        await note(connection, event)
        raise KeyError("a fault of ours")

    event = counted(1)
    with pytest.raises(KeyError):
        await inbox(postgres, effect=half).handle(event)
    assert await effects(postgres) == []
    await inbox(postgres).handle(event)
    assert await effects(postgres) == [1]


async def test_a_delivery_waits_for_the_one_that_is_at_it_and_acts_where_that_fails(
    postgres: Postgres,
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection, event: Event) -> None:
        await note(connection, event)
        entered.set()
        await go_on.wait()
        raise KeyError("died")

    event = counted(1)
    first = asyncio.create_task(inbox(postgres, effect=slow).handle(event))
    await entered.wait()
    second = asyncio.create_task(inbox(postgres).handle(event))
    _, waiting = await asyncio.wait([second], timeout=0.1)
    assert waiting == {second}
    go_on.set()
    with pytest.raises(KeyError):
        await first
    await second
    assert await effects(postgres) == [1]


async def test_old_notes_are_forgotten_in_batches(postgres: Postgres) -> None:
    async with postgres.unit_of_work() as connection:
        for days, count in ((RETENTION.days + 1, 5), (RETENTION.days - 1, 2)):
            rows = [{"consumer": "c", "message_id": f"{days}-{n}"} for n in range(count)]
            at = func.now() - timedelta(days=days)
            await connection.execute(insert(INBOX).values(at=at), rows)
    gone = []
    for _ in range(3):
        async with postgres.unit_of_work() as connection:
            gone.append(await purge(connection, INBOX, limit=3))
    assert gone == [3, 2, 0]
    async with postgres.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(INBOX))).scalar_one() == 2

"""Connections of the pool: used without asking first, replaced when they are dead."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from subgraphs.kit.metrics import DB_CONNECTIONS
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres import engine
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from tests.harness.samples import sample
from tests.harness.tcp_proxy import TcpProxy, proxy_to


@pytest.fixture
async def proxy(engines: Any) -> AsyncIterator[TcpProxy]:
    async with proxy_to(engines.postgres_url("engine")) as proxy:
        yield proxy


@pytest.fixture
async def postgres(proxy: TcpProxy) -> AsyncIterator[Postgres]:
    postgres = Postgres(DatabaseSettings(url=proxy.url, pool_size=3), application="tests")
    yield postgres
    await postgres.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the driver: pings, transactions and statements."""
    seen: list[str] = []
    fetchrow, execute = asyncpg.Connection.fetchrow, asyncpg.Connection.execute

    async def noting_fetchrow(self: Any, query: str, *rest: Any, **more: Any) -> Any:
        seen.append(query)
        return await fetchrow(self, query, *rest, **more)

    async def noting_execute(self: Any, query: str, *rest: Any, **more: Any) -> Any:
        seen.append(query)
        return await execute(self, query, *rest, **more)

    monkeypatch.setattr(asyncpg.Connection, "fetchrow", noting_fetchrow)
    monkeypatch.setattr(asyncpg.Connection, "execute", noting_execute)
    return seen


async def one(postgres: Postgres) -> int:
    async with postgres.read() as connection:
        value: int = (await connection.execute(text("SELECT 1"))).scalar_one()
    return value


async def backend(postgres: Postgres) -> int:
    async with postgres.read() as connection:
        pid: int = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return pid


async def test_a_lone_read_is_one_round_trip(postgres: Postgres, asked: list[str]) -> None:
    await one(postgres)
    asked.clear()
    await one(postgres)
    assert asked == []  # its one statement is prepared already, and nothing is around it


async def test_connections_that_the_server_ended_are_replaced_and_nobody_sees_it(
    postgres: Postgres, proxy: TcpProxy
) -> None:
    async with postgres.read() as first, postgres.read() as second:  # two in the pool
        await first.execute(text("SELECT 1"))
        await second.execute(text("SELECT 1"))
    before = DB_CONNECTIONS._value.get()
    await proxy.stop()
    await proxy.start()
    await asyncio.sleep(0)
    assert await asyncio.gather(one(postgres), one(postgres), one(postgres)) == [1, 1, 1]
    assert DB_CONNECTIONS._value.get() == before


async def test_a_connection_that_was_idle_for_long_is_tried_first(
    postgres: Postgres, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = await backend(postgres)
    asked.clear()
    monkeypatch.setattr(engine, "_PING_AFTER", 0.0)
    assert await backend(postgres) == pid
    assert ";" in asked


async def test_an_idle_connection_that_does_not_answer_is_replaced(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = await backend(postgres)
    monkeypatch.setattr(engine, "_PING_AFTER", 0.0)
    fetchrow = asyncpg.Connection.fetchrow
    failed: list[int] = []

    async def dead(self: Any, query: str, *rest: Any, **more: Any) -> Any:
        if query == ";" and not failed:
            failed.append(1)
            raise ConnectionResetError("gone")
        return await fetchrow(self, query, *rest, **more)

    monkeypatch.setattr(asyncpg.Connection, "fetchrow", dead)
    assert await backend(postgres) != pid
    assert failed == [1]


async def test_without_a_server_it_is_an_outage(postgres: Postgres, proxy: TcpProxy) -> None:
    await one(postgres)
    await proxy.stop()
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what is asked
        await one(postgres)
    assert is_outage(raised.value)
    await proxy.start()
    assert await one(postgres) == 1


async def test_who_waits_for_a_connection_and_who_gets_none_is_measured(
    engines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its own, which pools of other tests in this process count in as well.
    registry = CollectorRegistry()
    monkeypatch.setattr(engine, "DB_POOL_WAIT", Histogram("wait", "Of one test.", registry=registry))
    monkeypatch.setattr(engine, "DB_POOL_FAILURES", Counter("failures", "Of one test.", registry=registry))

    def sample_of(name: str) -> float:
        return registry.get_sample_value(name) or 0.0

    settings = DatabaseSettings(
        url=engines.postgres_url("engine"), pool_size=2, timeout=timedelta(seconds=0.3)
    )
    postgres = Postgres(settings, application="tests")
    assert sample("db_pool_size") == 2
    await one(postgres)
    given, waited = sample_of("wait_count"), sample_of("wait_sum")
    async with postgres.read(), postgres.read():
        with pytest.raises(PoolTimeoutError):
            await one(postgres)
        asking = asyncio.create_task(one(postgres))
        await asyncio.sleep(0.1)
    assert await asking == 1
    await postgres.close()
    assert sample_of("failures_total") >= 1
    assert sample_of("wait_count") - given >= 3
    assert sample_of("wait_sum") - waited >= 0.1

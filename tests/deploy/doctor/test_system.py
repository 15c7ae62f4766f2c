import json
import subprocess
import sys
from typing import Any

import asyncpg
from redis.asyncio import Redis

from deploy.local.children import ROOT
from deploy.local.doctor import system
from deploy.local.doctor.finding import Finding, Level
from tests.harness.engines import Engines


async def _found(looking: Any) -> dict[str, Finding]:
    return {finding.what: finding async for finding in looking}


def test_a_system_that_runs_well_has_no_fault_in_what_runs(supergraph: dict[str, Any]) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.local.cli", "doctor", "--json", "--data", supergraph["data"]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = {finding["what"]: finding for finding in json.loads(shown.stdout)}
    assert {"users", "orders", "products", "rest", "router", "edge"} <= found.keys()
    for what in (
        "users",
        "router",
        "store of users",
        "store of products",
        "outbox of orders",
        "secrets",
        "packages",
    ):
        assert found[what]["level"] == "ok", found[what]
    assert found["store of orders"]["found"].startswith("answers; migrations at 0")
    assert shown.returncode == int(any(finding["level"] == "fault" for finding in found.values()))


def test_a_process_that_is_not_there_is_a_fault_with_its_log() -> None:
    process = {
        "name": "users-2",
        "pid": None,
        "log": "/logs/users-2.log",
        "started": True,
        "http": 1,
        "grpc": 2,
    }
    state = {"children": {"users": {"processes": [process]}}, "addresses": {}}
    assert list(system.processes(state)) == [
        Finding("users-2", Level.FAULT, "not running", "Its last lines: tail /logs/users-2.log")
    ]


async def test_a_database_behind_the_code_and_an_outbox_that_stands_are_faults(engines: Engines) -> None:
    url = engines.postgres_url("doctor")
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0001');"
        "CREATE TABLE outbox (created_at timestamptz, published_at timestamptz);"
        "INSERT INTO outbox VALUES (now() - interval '90 seconds', NULL), (now(), NULL), (now(), now())"
    )
    await connection.close()
    found = await _found(system.of_postgres("users", url))
    assert found["store of users"].level is Level.FAULT
    assert found["store of users"].found.startswith("its migrations are at 0001, the code's at 0")
    assert found["outbox of users"].found == "2 events wait, the oldest for 90 s"
    assert found["outbox of users"].level is Level.FAULT


async def test_a_clock_that_differs_from_the_databases_is_a_fault(engines: Engines, monkeypatch) -> None:
    url = engines.postgres_url("doctor")
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE alembic_version (version_num text);"
        "CREATE TABLE outbox (created_at timestamptz, published_at timestamptz)"
    )
    await connection.close()
    now = system.time.time()
    monkeypatch.setattr(system.time, "time", lambda: now - 60)
    found = await _found(system.of_postgres("users", url))
    assert found["clock of store of users"].level is Level.FAULT


async def test_dead_letters_are_a_fault_with_the_command_that_shows_them(engines: Engines) -> None:
    async with Redis.from_url(engines.redis_url) as redis:
        await redis.delete("events:doctor:dead")
        assert (await _found(system.of_redis("doctor", engines.redis_url)))[
            "events of doctor"
        ].level is Level.OK
        await redis.xadd("events:doctor:dead", {"id": "1"})
        found = (await _found(system.of_redis("doctor", engines.redis_url)))["events of doctor"]
        await redis.delete("events:doctor:dead")
    assert (found.level, found.found) == (Level.FAULT, "1 dead letters")
    assert "supergraph events dead list --source doctor" in found.remedy


async def test_a_document_store_without_its_migrations_is_a_fault(engines: Engines) -> None:
    found = (await _found(system.of_mongo("products", engines.mongo_url("doctor"))))["store of products"]
    assert found.level is Level.FAULT
    assert found.found.startswith("its migrations are at none, the code's at 0")


async def test_a_store_that_does_not_answer_is_a_fault(monkeypatch) -> None:
    monkeypatch.setattr(system, "_PATIENCE", 1.0)
    closed = {"users": "postgresql://u@127.0.0.1:1/users", "products": "mongodb://127.0.0.1:1/products"}
    addresses = {f"{name}_database": closed.get(name, closed["users"]) for name in system.SUBGRAPHS}
    addresses |= {f"{name}_redis": "redis://127.0.0.1:1/0" for name in system.SUBGRAPHS}
    found = {finding.what: finding for finding in await system._stores(addresses)}
    for name in system.SUBGRAPHS:
        assert found[f"store of {name}"].level is Level.FAULT
        assert found[f"redis of {name}"].level is Level.FAULT

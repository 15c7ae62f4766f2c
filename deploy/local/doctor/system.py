"""The system that runs: each process, each store, what waits in its outboxes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import redis.asyncio
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from deploy.local.children import ROOT
from deploy.local.commands.status import standings
from deploy.local.components import STORE_OF, SUBGRAPHS
from deploy.local.doctor.finding import Finding, fault, ok

_PATIENCE = 5.0
_MOST_LAG = 30.0
_MOST_SKEW = 2.0
_UNREACHABLE = "Start the store, or correct its address; supergraph status and its log tell more."


def look(state: dict[str, Any]) -> list[Finding]:
    """Of the launcher with this state."""
    return [*processes(state), *asyncio.run(_stores(state["addresses"]))]


def processes(state: dict[str, Any]) -> Iterator[Finding]:
    logs = {
        process["name"]: process["log"]
        for child in state["children"].values()
        for process in child["processes"]
    }
    for standing in standings(state):
        if standing.is_well:
            yield ok(standing.name, standing.state)
        else:
            yield fault(standing.name, standing.state, f"Its last lines: tail {logs[standing.name]}")


async def _stores(addresses: dict[str, str]) -> list[Finding]:
    async def bounded(what: str, looking: AsyncIterator[Finding]) -> list[Finding]:
        found: list[Finding] = []
        try:
            async with asyncio.timeout(_PATIENCE):
                found.extend([finding async for finding in looking])
        except (OSError, TimeoutError, asyncpg.PostgresError, PyMongoError, RedisError) as error:
            reason = str(error).splitlines()[0] if str(error) else f"no answer within {_PATIENCE:g} s"
            found.append(fault(what, reason, _UNREACHABLE))
        return found

    looks: list[Awaitable[list[Finding]]] = []
    for name in SUBGRAPHS:
        url = addresses[f"{name}_database"]
        store = of_postgres if STORE_OF[name] == "postgres" else of_mongo
        looks.append(bounded(f"store of {name}", store(name, url)))
        looks.append(bounded(f"redis of {name}", of_redis(name, addresses[f"{name}_redis"])))
    return [finding for findings in await asyncio.gather(*looks) for finding in findings]


async def of_postgres(service: str, url: str) -> AsyncIterator[Finding]:
    what = f"store of {service}"
    connection = await asyncpg.connect(url, timeout=_PATIENCE)
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        yield at_head(what, str(revision), head(ROOT / "subgraphs" / service / "migrations" / "versions"))
        waiting, seconds = await connection.fetchrow(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float FROM outbox "
            "WHERE published_at IS NULL"
        )
        yield outbox(service, waiting, seconds)
        ahead = (
            float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float"))
            - time.time()
        )
        if abs(ahead) > _MOST_SKEW:
            yield fault(f"clock of {what}", f"it differs from ours by {ahead:+.1f} s", "Set both by NTP.")
    finally:
        await connection.close()


async def of_mongo(service: str, url: str) -> AsyncIterator[Finding]:
    what = f"store of {service}"
    async with AsyncMongoClient[dict[str, Any]](
        url, serverSelectionTimeoutMS=int(_PATIENCE * 1000), directConnection="," not in urlsplit(url).netloc
    ) as client:
        database = client[urlsplit(url).path.lstrip("/")]
        newest = await database["migrations"].find_one(sort=[("_id", -1)])
        at = f"{newest['_id']:04}" if newest else "none"
        yield at_head(what, at, head(ROOT / "subgraphs" / service / "migrations"))


async def of_redis(service: str, url: str) -> AsyncIterator[Finding]:
    async with redis.asyncio.from_url(url, socket_timeout=_PATIENCE) as client:
        await client.ping()
        dead = int(await client.xlen(f"events:{service}:dead"))
    if dead:
        yield fault(
            f"events of {service}",
            f"{dead} dead letters",
            f"supergraph events dead list --source {service}, then mend the cause, then replay them.",
        )
    else:
        yield ok(f"events of {service}", "no dead letters")


def at_head(what: str, at: str, newest: str) -> Finding:
    if at == newest:
        return ok(what, f"answers; migrations at {at}")
    return fault(
        what, f"its migrations are at {at}, the code's at {newest}", "Restart the service, which migrates."
    )


def outbox(service: str, waiting: int, seconds: float) -> Finding:
    if seconds > _MOST_LAG:
        return fault(
            f"outbox of {service}",
            f"{waiting} events wait, the oldest for {seconds:.0f} s",
            f"See that Redis and {service} run (supergraph status); the relay goes on by itself.",
        )
    return ok(f"outbox of {service}", f"{waiting} events wait")


def head(folder: Path) -> str:
    """The number of the newest migration: they are counted by the names of their files."""
    numbers = [found[1] for path in folder.glob("*.py") if (found := re.match(r"v?(\d{4})_", path.name))]
    return max(numbers)

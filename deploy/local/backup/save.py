"""A backup of the system that runs on a data folder."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from deploy.local.backup import archive, documents, relational, streams

FILES = ("keys", "services.token", "router.secret", "seeded")
"""What the data folder keeps beside the stores, mail that was never sent and logs aside."""
RELATIONAL = ("orders", "users")
"""In the order of their snapshots: the account of an order is older than the order."""

Say = Callable[[str], None]


async def save(state: Mapping[str, Any], target: Path, *, overwrite: bool, say: Say) -> None:
    """Everything that the system with this state keeps, as the archive `target`. Raises ArchiveError."""
    addresses = state["addresses"]
    with archive.writing(target, overwrite=overwrite) as (folder, notes):
        notes["made_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            await _databases(addresses, folder, say)
            say(
                f"products: {await asyncio.to_thread(_products, addresses['products_database'], folder)} collections"
            )
            say(f"redis: {await asyncio.to_thread(_redis, addresses, folder)} keys")
        except (asyncpg.PostgresError, PyMongoError, RedisError) as error:
            raise archive.ArchiveError(f"A store could not be read: {error}") from error
        archive.copy_files(Path(state["data"]), folder / "files", FILES)
        say("keys and secrets")


async def _databases(addresses: Mapping[str, str], folder: Path, say: Say) -> None:
    """Both as of one moment, before anything else is read."""
    async with AsyncExitStack() as stack:
        snapshots: dict[str, asyncpg.Connection] = {}
        for name in RELATIONAL:
            connection = snapshots[name] = await asyncpg.connect(addresses[f"{name}_database"])
            stack.push_async_callback(connection.close)
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await relational.revision(connection)  # the first statement takes the snapshot
        for name, connection in snapshots.items():
            (folder / name).mkdir()
            say(f"{name}: {await relational.save(connection, folder / name)} tables")


def _products(url: str, folder: Path) -> int:
    client, database = documents.opened(url)
    with client:
        return documents.save(database, folder / "products")


def _redis(addresses: Mapping[str, str], folder: Path) -> int:
    """Services may have a Redis each; those of one are read once."""
    urls = dict.fromkeys(addresses[f"{name}_redis"] for name in (*RELATIONAL, "products"))
    return sum(streams.save(url, folder / f"redis-{number}.jsonl") for number, url in enumerate(urls))

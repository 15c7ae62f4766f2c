"""Versions of the database: validators and indexes, applied in order and recorded in `migrations`.

Every step may run again and in several processes at once: MongoDB has no transaction for them, so each is
written to change nothing where it is done already.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from subgraphs.kit.logs import get_logger
from subgraphs.kit.mongo.client import ConnectionFailure, Database, Mongo, utc_now
from subgraphs.products.migrations import v0001_catalogue_and_stock, v0002_identities_of_holds, v0003_images

log = get_logger(__name__)

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    apply: Callable[[Database], Awaitable[None]]


MIGRATIONS = (
    Migration(1, "catalogue and stock", v0001_catalogue_and_stock.apply),
    Migration(2, "identities of holds", v0002_identities_of_holds.apply),
    Migration(3, "images", v0003_images.apply),
)


async def migrate(mongo: Mongo) -> None:
    """Bring the database up to date; waits up to 30 s for a server that is still starting."""
    await _wait(mongo)
    await migrate_database(mongo.database)


async def migrate_database(database: Database) -> None:
    done = {d["_id"] async for d in database["migrations"].find({}, {"_id": 1})}
    for migration in MIGRATIONS:
        if migration.version in done:
            continue
        await migration.apply(database)
        record = {"name": migration.name, "applied_at": utc_now()}
        await database["migrations"].update_one(
            {"_id": migration.version}, {"$setOnInsert": record}, upsert=True
        )
        log.info("migrated", version=migration.version, name=migration.name)


async def _wait(mongo: Mongo) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            await mongo.ping()
        except ConnectionFailure:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return

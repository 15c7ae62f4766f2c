"""Versions of a MongoDB database: validators and indexes, applied in order and recorded in `migrations`.

Every step may run again and in several processes at once: MongoDB has no transaction for them, so each is
written to change nothing where it is done already. On a server with access control they need the role `dbAdmin`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from subgraphs.kit.errors import StartError
from subgraphs.kit.logs import get_logger
from subgraphs.kit.mongo.client import (
    ConnectionFailure,
    Database,
    DuplicateKeyError,
    Mongo,
    PyMongoError,
    utc_now,
)

log = get_logger(__name__)

_POLL = 0.2


class MigrationError(StartError):
    """The database cannot be brought up to date; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    apply: Callable[[Database], Awaitable[None]]


async def migrate(
    mongo: Mongo, *, owner: str, migrations: Sequence[Migration], patience: float = 30.0
) -> None:
    """Bring the database of the service `owner` up to date; waits up to `patience` seconds for a server.

    Raises MigrationError when the server stays away, refuses us, or the database is another service's.
    """
    await wait_for_server(mongo, patience=patience)
    try:
        await apply(mongo.database, owner=owner, migrations=migrations)
    except PyMongoError as error:
        reason = str(error).partition(", full error")[0]
        raise MigrationError(f"MongoDB refuses the migration of {mongo.database.name!r}: {reason}") from error


async def apply(database: Database, *, owner: str, migrations: Sequence[Migration]) -> None:
    """Apply to `database` what of `migrations` is not recorded there. Raises MigrationError, or PyMongoError."""
    await _claim(database, owner)
    done = {d["_id"] async for d in database["migrations"].find({}, {"_id": 1})}
    for migration in migrations:
        if migration.version in done:
            continue
        await migration.apply(database)
        record = {"name": migration.name, "applied_at": utc_now()}
        await database["migrations"].update_one(
            {"_id": migration.version}, {"$setOnInsert": record}, upsert=True
        )
        log.info("migrated", version=migration.version, name=migration.name)


async def _claim(database: Database, owner: str) -> None:
    """Record that the database is `owner`'s. Raises MigrationError where it is another service's."""
    try:
        await database["service"].insert_one({"_id": "owner", "name": owner})
    except DuplicateKeyError:
        found = await database["service"].find_one({"_id": "owner"})
        if found is not None and found["name"] != owner:
            raise MigrationError(
                f"the database {database.name!r} belongs to the service {found['name']!r}; set "
                f"{owner.upper()}_DATABASE_URL to another one (DB_NAME gives all services the same)"
            ) from None


async def wait_for_server(mongo: Mongo, *, patience: float = 30.0) -> None:
    """Return once the server answers. Raises MigrationError where it does not within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            await mongo.ping()
        except ConnectionFailure as error:
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"MongoDB did not answer within {patience:g} s: {error}. "
                    "Start it, or correct the address in …_DATABASE_URL."
                ) from error
            await asyncio.sleep(_POLL)
        else:
            return

"""A database is one service's, and what stops a migration is told in a message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deploy.local.ports import Ports
from subgraphs.kit.mongo.client import Database, Mongo
from subgraphs.kit.mongo.migrations import Migration, MigrationError, migrate
from subgraphs.kit.settings import DatabaseSettings


@asynccontextmanager
async def database_of(url: str) -> AsyncIterator[Mongo]:
    mongo = Mongo(DatabaseSettings(url=url, timeout="2s"), application="tests")  # type: ignore[arg-type] # parsed
    yield mongo
    mongo.close()


async def test_each_version_is_applied_once_and_in_order(engines: Any) -> None:
    applied: list[int] = []

    def migration(version: int) -> Migration:
        async def apply(_: Database) -> None:
            applied.append(version)

        return Migration(version, f"version {version}", apply)

    async with database_of(engines.mongo_url("kit_versions")) as mongo:
        await migrate(mongo, owner="products", migrations=[migration(1), migration(2)])
        await migrate(mongo, owner="products", migrations=[migration(1), migration(2), migration(3)])
        assert applied == [1, 2, 3]
        names = [d["name"] async for d in mongo.database["migrations"].find({}).sort("_id", 1)]
    assert names == ["version 1", "version 2", "version 3"]


async def test_the_database_of_another_service_is_refused(engines: Any) -> None:
    reason = r"belongs to the service 'products'; set OTHER_DATABASE_URL.*DB_NAME"
    async with database_of(engines.mongo_url("kit_owner")) as mongo:
        await migrate(mongo, owner="products", migrations=[])
        with pytest.raises(MigrationError, match=reason):
            await migrate(mongo, owner="other", migrations=[])


async def test_a_server_that_stays_away_is_named_and_so_is_what_to_do() -> None:
    async with database_of(f"mongodb://127.0.0.1:{Ports().free()}/shop") as mongo:
        with pytest.raises(MigrationError, match=r"did not answer within 0.1 s.*_DATABASE_URL"):
            await migrate(mongo, owner="products", migrations=[], patience=0.1)


async def test_a_command_that_is_refused_is_told_and_no_traceback(engines: Any) -> None:
    async def apply(database: Database) -> None:
        await database.command({"noSuchCommand": 1})

    reason = r"MongoDB refuses the migration of 'kit_refused_\w+': no such command: 'noSuchCommand'$"
    async with database_of(engines.mongo_url("kit_refused")) as mongo:
        with pytest.raises(MigrationError, match=reason):
            await migrate(mongo, owner="products", migrations=[Migration(1, "bad", apply)])

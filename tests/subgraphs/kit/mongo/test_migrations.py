"""A database is one service's, and what stops a migration is told in a message."""

from typing import Any

import pytest

from deploy.local.ports import Ports
from subgraphs.kit.mongo.client import Database, Mongo
from subgraphs.kit.mongo.migrations import Migration, MigrationError, migrate
from subgraphs.kit.settings import DatabaseSettings


async def test_each_version_is_applied_once_and_in_order(engines: Any) -> None:
    applied: list[int] = []

    def migration(version: int) -> Migration:
        async def apply(_: Database) -> None:
            applied.append(version)

        return Migration(version, f"version {version}", apply)

    settings = DatabaseSettings(url=engines.mongo_url("kit_versions"))
    await migrate(settings, owner="products", migrations=[migration(1), migration(2)])
    await migrate(settings, owner="products", migrations=[migration(1), migration(2), migration(3)])
    assert applied == [1, 2, 3]
    mongo = Mongo(settings, application="tests")
    names = [d["name"] async for d in mongo.database["migrations"].find({}).sort("_id", 1)]
    mongo.close()
    assert names == ["version 1", "version 2", "version 3"]


async def test_the_database_of_another_service_is_refused(engines: Any) -> None:
    settings = DatabaseSettings(url=engines.mongo_url("kit_owner"))
    await migrate(settings, owner="products", migrations=[])
    with pytest.raises(
        MigrationError, match=r"belongs to the service 'products'; set OTHER_DATABASE_URL.*DB_NAME"
    ):
        await migrate(settings, owner="other", migrations=[])


async def test_a_server_that_stays_away_is_named_and_so_is_what_to_do() -> None:
    settings = DatabaseSettings(url=f"mongodb://127.0.0.1:{Ports().free()}/shop", timeout="200ms")  # type: ignore[arg-type] # parsed
    with pytest.raises(MigrationError, match=r"did not answer within 0.1 s.*_DATABASE_URL"):
        await migrate(settings, owner="products", migrations=[], patience=0.1)


async def test_a_command_that_is_refused_is_told_and_no_traceback(engines: Any) -> None:
    async def apply(database: Database) -> None:
        await database.command({"noSuchCommand": 1})

    settings = DatabaseSettings(url=engines.mongo_url("kit_refused"))
    with pytest.raises(
        MigrationError,
        match=r"MongoDB refuses the migration of 'kit_refused_\w+': no such command: 'noSuchCommand'$",
    ):
        await migrate(settings, owner="products", migrations=[Migration(1, "bad", apply)])

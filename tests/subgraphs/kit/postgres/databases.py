"""Databases for the tests of what stands on tables."""

from typing import Any

from sqlalchemy import MetaData

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings


async def database_with(tables: MetaData, engines: Any, name: str, *, pool_size: int) -> DatabaseSettings:
    """A new database that has `tables`, empty."""
    settings = DatabaseSettings(url=engines.postgres_url(name), pool_size=pool_size)
    postgres = Postgres(settings, application="tests")
    async with postgres.unit_of_work() as connection:
        await connection.run_sync(tables.create_all)
    await postgres.close()
    return settings

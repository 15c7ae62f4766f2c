"""Alembic migrations of a PostgreSQL slice, run by the service itself over its own asynchronous driver.

A slice's `migrations/env.py` is one call of `run_environment(metadata)`; its `versions/` are Alembic's.
Two processes that start together do not migrate at once: the second waits, and then finds nothing to do.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, NullPool, Table, Text, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from subgraphs.kit.errors import StartError
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres.engine import driver_url
from subgraphs.kit.settings import DatabaseSettings

log = get_logger(__name__)

_POLL = 0.2

_OWNER = Table("service_owner", MetaData(), Column("name", Text, primary_key=True))
"""Which service the database is of, in one row."""


class MigrationError(StartError):
    """The database cannot be brought up to date; the message says why and what to do."""


async def migrate(
    settings: DatabaseSettings,
    *,
    owner: str,
    scripts: Path,
    revision: str = "head",
    patience: float = 30.0,
) -> None:
    """Bring the database of the service `owner`, at `settings.url`, to `revision` of the Alembic folder `scripts`.

    Waits up to `patience` seconds for a server that is still starting, and as long as it takes for
    another process that is migrating. Each revision is a transaction of its own, so that one that
    fails leaves those before it in place, and one may build an index concurrently.

    Raises MigrationError when the server stays away, refuses us, or the database is another service's.
    """
    engine = _engine(settings)
    try:
        connection = await _connect(engine, patience)
        try:
            await _lock(connection)
            await _claim(connection, owner)
            await connection.run_sync(_upgrade, scripts, revision)
        except DBAPIError as error:
            raise MigrationError(f"PostgreSQL refuses the migration: {error.orig}") from error
        finally:
            # The lock is the session's and goes with it, whatever happened before.
            await connection.close()
    finally:
        await engine.dispose()


async def differences(settings: DatabaseSettings, metadata: MetaData) -> list[Any]:
    """What Alembic would change to make the database look like `metadata`; empty where they agree."""

    def compare(connection: Connection) -> list[Any]:
        options = {"compare_server_default": True, "include_name": _is_of_metadata}
        migration = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(migration, metadata))

    engine = _engine(settings)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()


def run_environment(metadata: MetaData) -> None:
    """What `env.py` does: run the asked migrations on the connection that `migrate` opened."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _engine(settings: DatabaseSettings) -> AsyncEngine:
    # No limit on a statement: building an index on a large table takes as long as it takes.
    return create_async_engine(
        driver_url(settings.url),
        poolclass=NullPool,
        connect_args={
            "timeout": settings.timeout.total_seconds(),
            "server_settings": {"application_name": "migrations"},
        },
    )


async def _connect(engine: AsyncEngine, patience: float) -> AsyncConnection:
    where = engine.url.render_as_string(hide_password=True)
    deadline = time.monotonic() + patience
    waiting = False
    while True:
        try:
            return await engine.connect()
        except (DBAPIError, OSError) as error:
            reason = getattr(error, "orig", None) or error
            if not is_outage(error):
                raise MigrationError(f"PostgreSQL at {where} refuses the connection: {reason}") from error
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"PostgreSQL at {where} did not answer within {patience:g} s: {reason}. "
                    "Start it, or correct the address in …_DATABASE_URL."
                ) from error
            if not waiting:
                log.info("waiting_for_database", url=where, seconds=patience, reason=str(reason))
                waiting = True
        await asyncio.sleep(_POLL)


async def _lock(connection: AsyncConnection) -> None:
    """Take the lock of this database's migrations.

    By asking again rather than waiting inside PostgreSQL: a session that waits there holds a snapshot,
    and CREATE INDEX CONCURRENTLY of the one that has the lock would wait for that snapshot for ever.
    """
    waiting = False
    while True:
        taken = (
            await connection.execute(select(func.pg_try_advisory_lock(func.hashtext("migrations"))))
        ).scalar_one()
        await connection.commit()
        if taken:
            return
        if not waiting:
            log.info("waiting_for_migrations_of_another_process")
            waiting = True
        await asyncio.sleep(_POLL)


def _is_of_metadata(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or name != _OWNER.name


async def _claim(connection: AsyncConnection, owner: str) -> None:
    """Record that the database is `owner`'s. Raises MigrationError where it is another service's."""
    await connection.run_sync(_OWNER.create, checkfirst=True)
    name = (await connection.execute(select(_OWNER.c.name))).scalar_one_or_none()
    if name is None:
        await connection.execute(insert(_OWNER).values(name=owner))
    await connection.commit()
    if name not in {None, owner}:
        where = connection.engine.url.database
        raise MigrationError(
            f"the database {where!r} belongs to the service {name!r}; set {owner.upper()}_DATABASE_URL to another one "
            "(DB_NAME gives all services the same)"
        )


def _upgrade(connection: Connection, scripts: Path, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    # Alembic reads its options through a parser to which a percent sign is special.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, revision)

"""PostgreSQL to files and back, by COPY: the wheel has no pg_dump, and the schema is that of the migrations."""

import json
from collections.abc import Sequence
from graphlib import TopologicalSorter
from pathlib import Path

import asyncpg

from deploy.local.backup.archive import ArchiveError

_VERSION = "alembic_version"
_TABLES = """
SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE n.nspname = 'public' AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname
"""
_REFERENCES = """
SELECT conrelid::regclass::text AS from_table, confrelid::regclass::text AS to_table FROM pg_constraint
WHERE contype = 'f' AND conrelid <> confrelid
"""
_SEQUENCES = "SELECT sequencename AS name, last_value FROM pg_sequences WHERE schemaname = 'public'"


async def save(connection: asyncpg.Connection, folder: Path) -> int:
    """Everything that the transaction of the connection sees, into files of `folder`; returns the number of tables."""
    tables = {row["name"]: row["columns"] for row in await connection.fetch(_TABLES)}
    for name, columns in tables.items():
        await connection.copy_from_table(
            name, schema_name="public", columns=columns, output=folder / f"{name}.copy", format="binary"
        )
    sequences = {row["name"]: row["last_value"] for row in await connection.fetch(_SEQUENCES)}
    about = {"revision": await revision(connection), "tables": tables, "sequences": sequences}
    (folder / "tables.json").write_text(json.dumps(about))
    return len(tables)


async def load(connection: asyncpg.Connection, folder: Path) -> int:
    """Put back what `save` wrote into a database that was just migrated; returns the number of tables.

    All or nothing. Raises ArchiveError where the archive is of other migrations.
    """
    about = json.loads((folder / "tables.json").read_text())
    here = await revision(connection)
    if about["revision"] != here:
        raise ArchiveError(
            f"The archive was made with migrations up to {about['revision']} of {folder.name}, and this version has {here}. "
            "Restore it with the version that made it, then update."
        )
    tables: dict[str, list[str]] = about["tables"]
    async with connection.transaction():
        order = await _parents_first(connection, tables)
        # What the migrations themselves wrote is in the archive, too.
        for name in reversed(order):
            await connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - a name of the migrations
        for name in order:
            await connection.copy_to_table(
                name,
                schema_name="public",
                columns=tables[name],
                source=folder / f"{name}.copy",
                format="binary",
            )
        for name, last in about["sequences"].items():
            if last is not None:
                await connection.execute("SELECT setval($1::text::regclass, $2)", f'"{name}"', last)
    return len(tables)


async def revision(connection: asyncpg.Connection) -> str:
    return str(await connection.fetchval(f"SELECT version_num FROM {_VERSION}"))  # noqa: S608 - a constant


async def _parents_first(connection: asyncpg.Connection, tables: dict[str, list[str]]) -> Sequence[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter({name: () for name in tables if name != _VERSION})
    for row in await connection.fetch(_REFERENCES):
        sorter.add(row["from_table"], row["to_table"])
    return list(sorter.static_order())

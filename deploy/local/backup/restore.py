"""A backup into a data folder on which nothing runs."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import asyncpg
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from deploy.local.backup import archive, documents, relational, streams
from deploy.local.backup.save import FILES, RELATIONAL
from deploy.local.children import ROOT
from deploy.local.data_folder import DataFolder
from deploy.local.engines import Mongo, PostgreSQL, Redis

Say = Callable[[str], None]


class RestoreError(archive.ArchiveError):
    """A backup cannot be restored here; the message says why and the way out."""


def restore(source: Path, data: Path, *, overwrite: bool, mongo_server: str | None, say: Say) -> None:
    """The archive `source` as the data folder `data`; where that fails, nothing of it is left.

    Raises DataFolderError where something runs there, ArchiveError for an archive that is not whole, RestoreError where there
    are data already, unless `overwrite`.
    """
    beside = data.absolute().parent
    beside.mkdir(parents=True, exist_ok=True)
    is_new = not data.exists()
    with archive.reading(source, beside) as (files, manifest):
        say(f"a whole backup of {manifest['made_at']}")
        folder = DataFolder(data).open()
        try:
            _make_room(folder, overwrite=overwrite)
            try:
                _fill(folder, files, mongo_server, say)
            except BaseException:
                _clear(folder, made_here=True)
                raise
        finally:
            folder.close()
            if is_new and not folder.contents():
                (data / "launcher.lock").unlink(missing_ok=True)
                data.rmdir()


def _make_room(folder: DataFolder, *, overwrite: bool) -> None:
    if folder.contents() and not overwrite:
        raise RestoreError(
            f"{folder.path} has data already. Choose another folder (--data FOLDER), or replace them: --overwrite"
        )
    _clear(folder, made_here=False)


def _clear(folder: DataFolder, *, made_here: bool) -> None:
    postgres = PostgreSQL(folder.path / "postgres", port=1)
    folder.clear(made_here=made_here)
    postgres.remove()


def _fill(folder: DataFolder, files: Path, mongo_server: str | None, say: Say) -> None:
    data = folder.path
    archive.copy_files(files / "files", data, FILES)
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgreSQL(data / "postgres", databases=list(RELATIONAL)))
        mongo = stack.enter_context(Mongo(data / "mongo", server=mongo_server))
        redis = stack.enter_context(Redis(data / "redis"))
        env = {f"{name.upper()}_DATABASE_URL": postgres.url(name) for name in RELATIONAL}
        env |= {"PRODUCTS_DATABASE_URL": mongo.url("products"), "REDIS_URL": redis.url()}
        try:
            for name in RELATIONAL:
                _run(name, env, "migrate")
                tables = asyncio.run(_load(postgres.url(name), files / name))
                say(f"{name}: {tables} tables")
            _run("products", env, "migrate")
            client, database = documents.opened(mongo.url("products"))
            with client:
                say(f"products: {documents.load(database, files / 'products')} collections")
            say(f"redis: {sum(streams.load(redis.url(), file) for file in files.glob('redis-*.jsonl'))} keys")
        except (asyncpg.PostgresError, PyMongoError, RedisError) as error:
            raise RestoreError(f"A store does not take what the backup holds: {error}") from error
        said = _run("products", env, "stock", "reconcile", "--repair")
        say(f"stock: {said.splitlines()[-1]}")


async def _load(url: str, folder: Path) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await relational.load(connection, folder)
    finally:
        await connection.close()


def _run(service: str, env: Mapping[str, str], *arguments: str) -> str:
    """What the service's own command says. Raises RestoreError with its last lines where it fails."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", f"subgraphs.{service}", *arguments],
        env={**os.environ, **env, f"{service.upper()}_LOGGING_LEVEL": "warning"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RestoreError(f"`{service} {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout

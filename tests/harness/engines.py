"""Fresh databases on the engines of the test run; an engine that no test asks for is not started."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from tests.harness import launcher

# Beside 0, the running system's, and 2 to 11, each a worker's.
_ALONE = {"wake_ups": 1, "scaled": 13, "traces": 14, "order_email": 15}


class Engines:
    """Addresses of the engines, each started at the first use; each call for a database gives a new, empty one."""

    @cached_property
    def postgres(self) -> str:
        return _started("postgres", "users_database")

    @cached_property
    def mongo(self) -> str:
        return _started("mongo", "products_database")

    @cached_property
    def redis(self) -> str:
        return _started("redis", "users_redis")

    def postgres_url(self, name: str) -> str:
        """A new PostgreSQL database whose name begins with `name`."""
        database = _unique(name)

        async def create() -> None:
            connection = await asyncpg.connect(_with_path(self.postgres, "postgres"))
            try:
                await connection.execute(f'CREATE DATABASE "{database}"')
                # Commits need not wait for the disk: what tests stop is never the machine.
                await connection.execute(f'ALTER DATABASE "{database}" SET synchronous_commit = off')
            finally:
                await connection.close()

        _in_thread(create())
        return _with_path(self.postgres, database)

    def mongo_url(self, name: str) -> str:
        """A new MongoDB database whose name begins with `name`."""
        return _with_path(self.mongo, _unique(name))

    @property
    def redis_url(self) -> str:
        """The Redis database of one worker. Its tests share it: use keys of your own, or flush it."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        return _with_path(self.redis, str(2 + int(worker) % 10))

    def redis_alone(self, owner: str) -> str:
        """A database of Redis for one file: whatever else reads its streams would be given events of theirs."""
        return _with_path(self.redis, str(_ALONE[owner]))


def _started(engine: str, address: str) -> str:
    """The address of one engine, shared by all workers of the run."""
    return str(launcher.shared(engine, ["--only", engine])["addresses"][address])


def _unique(name: str) -> str:
    return f"{name}_{uuid4().hex[:12]}"


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def _in_thread(coroutine: Coroutine[Any, Any, None]) -> None:
    # A loop of its own in a thread of its own, so that the loop of the tests stays the current one.
    thread = threading.Thread(target=asyncio.run, args=(coroutine,))
    thread.start()
    thread.join()

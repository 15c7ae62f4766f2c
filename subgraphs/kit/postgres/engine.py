"""PostgreSQL through SQLAlchemy Core on asyncpg: one pool, reads without a transaction, units of work."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool, PoolProxiedConnection, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from subgraphs.kit.metrics import DB_CONNECTIONS, DB_POOL_FAILURES, DB_POOL_SIZE, DB_POOL_WAIT
from subgraphs.kit.outages import is_network_error, register
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.kit.tracing import trace_statements

Observer = Callable[[Sequence[object]], Awaitable[None]]
_CHANGES = "changes of the unit of work"


class Postgres:
    """The pool of one service. Only `unit_of_work` commits."""

    def __init__(self, settings: DatabaseSettings, *, application: str) -> None:
        timeout = settings.timeout.total_seconds()
        self.engine = create_async_engine(
            driver_url(settings.url),
            poolclass=_MeasuredPool,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=timeout,
            connect_args={
                "timeout": timeout,
                "command_timeout": timeout,
                "server_settings": {"application_name": application, "jit": "off"},
            },
        )
        trace_statements(self.engine.sync_engine)
        # Autocommit saves BEGIN and ROLLBACK around a lone read; both views share the pool.
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._observers: list[Observer] = []
        DB_POOL_SIZE.set(settings.pool_size)
        event.listen(self.engine.sync_engine, "checkout", _check_out)
        event.listen(self.engine.sync_engine, "checkin", _check_in)

    def after_commit(self, observer: Observer) -> None:
        """Have `observer` called after each commit with what its stores recorded by `record_change`.

        The transaction stands by then: an observer must not raise, and should not keep its caller waiting.
        """
        self._observers.append(observer)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncConnection]:
        """A connection in one transaction: commits on a clean exit, rolls back on an exception."""
        changes: list[object] = []
        async with self.engine.begin() as connection:
            connection.sync_connection.info[_CHANGES] = changes  # type: ignore[union-attr] # it has begun
            yield connection
        if changes:
            for observer in self._observers:
                await observer(changes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads, each statement on its own."""
        async with self._reader.connect() as connection:
            yield connection

    async def ping(self) -> None:
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def record_change(connection: AsyncConnection, change: object) -> None:
    """Tell the observers of commits, once this unit of work is one, that `change` was made."""
    connection.sync_connection.info[_CHANGES].append(change)  # type: ignore[union-attr] # it has begun


class _MeasuredPool(AsyncAdaptedQueuePool):
    """Measures how long it takes to be given a connection, and counts when there is none."""

    def connect(self) -> PoolProxiedConnection:
        asked = time.perf_counter()
        try:
            connection = super().connect()
        except Exception:
            DB_POOL_FAILURES.inc()
            raise
        DB_POOL_WAIT.observe(time.perf_counter() - asked)
        return connection


_PING_AFTER = 5.0
"""Seconds in the pool after which a connection is tried before it is used."""

_RETURNED = "returned"


def _check_out(connection: Any, record: Any, _proxy: Any) -> None:
    """Raises InvalidatePoolError, upon which the pool connects anew, for a connection that is dead.

    Of one that the server closed, the driver knows. SQLAlchemy's own ping would tell as much, before each
    use and in a transaction: three round trips for every read of one.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server has closed the connection")
    returned = record.info.get(_RETURNED)  # not of a new one
    if returned is not None and time.monotonic() - returned > _PING_AFTER:
        try:
            connection.ping()
        except Exception as error:
            raise InvalidatePoolError("the connection does not answer") from error
    DB_CONNECTIONS.inc()


def _check_in(_connection: Any, record: Any) -> None:
    record.info[_RETURNED] = time.monotonic()
    DB_CONNECTIONS.dec()


def driver_url(url: str) -> str:
    """`postgresql://…` with the driver that SQLAlchemy needs named."""
    scheme, separator, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres", "postgresql+asyncpg"} or not separator:
        raise ValueError(f"not a PostgreSQL URL: {scheme}://…; write postgresql://user@host:port/name")
    return f"postgresql+asyncpg://{rest}"


def _is_outage(error: BaseException) -> bool:
    """Whether the server cannot be reached or takes nobody, for now."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeoutError)
    if error.connection_invalidated or is_network_error(error.orig):
        return True
    # 57P0x: it is shutting down or starting; 53300: it has no connection left; 08xxx: it is gone.
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith(("57P0", "08")) or state == "53300"


register(_is_outage)

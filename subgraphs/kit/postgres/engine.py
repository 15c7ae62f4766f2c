"""PostgreSQL through SQLAlchemy Core on asyncpg: one pool, reads without a transaction, units of work."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from subgraphs.kit.metrics import DB_CONNECTIONS
from subgraphs.kit.outages import is_network_error, register
from subgraphs.kit.settings import DatabaseSettings

Observer = Callable[[Sequence[object]], Awaitable[None]]
_CHANGES = "changes of the unit of work"


class Postgres:
    """The pool of one service. Only `unit_of_work` commits."""

    def __init__(self, settings: DatabaseSettings, *, application: str) -> None:
        timeout = settings.timeout.total_seconds()
        self.engine = create_async_engine(
            driver_url(settings.url),
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=timeout,
            # A ping is one small round trip; without it the first request after a restart of the
            # database fails for every pooled connection.
            pool_pre_ping=True,
            connect_args={
                "timeout": timeout,
                "command_timeout": timeout,
                "server_settings": {"application_name": application, "jit": "off"},
            },
        )
        # Autocommit saves BEGIN and ROLLBACK around a lone read; both views share the pool.
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._observers: list[Observer] = []
        event.listen(self.engine.sync_engine, "checkout", lambda *_: DB_CONNECTIONS.inc())
        event.listen(self.engine.sync_engine, "checkin", lambda *_: DB_CONNECTIONS.dec())

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

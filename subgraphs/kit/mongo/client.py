"""The MongoDB client. The only module that imports Motor.

PyMongo's own `AsyncMongoClient` succeeds Motor; when the customer lets Motor go, this file changes and
nothing else does. Motor hands each command to a thread; `make bench ARGS="--only drivers"` measures what that costs.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
    AsyncIOMotorGridOut,
)
from pymongo import monitoring
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from subgraphs.kit.metrics import DB_CONNECTIONS, DB_POOL_FAILURES, DB_POOL_SIZE, DB_POOL_WAIT
from subgraphs.kit.outages import register
from subgraphs.kit.settings import DatabaseSettings

__all__ = [
    "Collection",
    "ConnectionFailure",
    "Database",
    "Document",
    "DuplicateKeyError",
    "FileBucket",
    "FileReader",
    "Mongo",
    "PyMongoError",
    "Session",
    "utc_now",
]

_SELECTION_MS = 2000

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
FileBucket = AsyncIOMotorGridFSBucket
FileReader = AsyncIOMotorGridOut
Session = AsyncIOMotorClientSession


class Mongo:
    """One client and the database that its URL names."""

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        application: str,
        listeners: tuple[monitoring.CommandListener, ...] = (),
    ) -> None:
        name = urlsplit(settings.url).path.lstrip("/")
        if not name:
            raise ValueError("the MongoDB URL must name a database: mongodb://host:port/name")
        timeout = int(settings.timeout.total_seconds() * 1000)
        self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            settings.url,
            appname=application,
            # Short, since the driver waits this long twice before a read of a dead server fails.
            serverSelectionTimeoutMS=min(timeout, _SELECTION_MS),
            connectTimeoutMS=timeout,
            socketTimeoutMS=timeout * 2,
            maxPoolSize=settings.pool_size,
            tz_aware=True,
            retryWrites=False,  # conditional updates here are idempotent by themselves and retried with care
            event_listeners=[_PoolMetrics(), *listeners],
        )
        DB_POOL_SIZE.set(settings.pool_size)
        self.database: Database = self._client[name]

    async def ping(self) -> None:
        await self.database.command("ping")

    def close(self) -> None:
        self._client.close()


class _PoolMetrics(monitoring.ConnectionPoolListener):
    """Counts the connections that are checked out, and the time that took; the other events of a pool say nothing here."""

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        DB_CONNECTIONS.inc()
        DB_POOL_WAIT.observe(event.duration or 0.0)  # always there, but for a type that says otherwise

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:  # noqa: ARG002 - pymongo's signature
        DB_POOL_FAILURES.inc()

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:  # noqa: ARG002 - pymongo's signature
        DB_CONNECTIONS.dec()

    def _ignore(self, event: Any) -> None:
        pass

    pool_created = pool_ready = pool_cleared = pool_closed = _ignore
    connection_created = connection_ready = connection_closed = _ignore
    connection_check_out_started = _ignore


def utc_now() -> datetime:
    """The present in milliseconds, the precision of a BSON date, so that what is written reads back equal."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


# As a server says that it is not, or not yet, or no longer the primary, or that the time was up: the codes of
# NotWritablePrimary and its kin (error_codes.yml of the server), MaxTimeMSExpired and ExceededTimeLimit.
_TRANSIENT = frozenset({6, 7, 50, 64, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        return not details.get("writeErrors") and bool(details.get("writeConcernErrors"))
    if isinstance(error, OperationFailure):
        return isinstance(error, WriteConcernError) or error.timeout or error.code in _TRANSIENT
    return isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout)


register(_is_outage)

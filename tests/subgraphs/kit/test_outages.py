"""What is an outage, which a client may wait out, and what is a fault of ours, which waiting does not mend."""

import errno
import socket
import ssl

import pytest
from asyncpg.exceptions import CannotConnectNowError, UndefinedTableError
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.exc import DBAPIError

from subgraphs.kit.mongo import client as mongo_client
from subgraphs.kit.outages import is_outage
from subgraphs.kit.postgres import engine as postgres_engine
from subgraphs.kit.redis import client as redis_client

DRIVERS = (mongo_client, postgres_engine, redis_client)
"""Loaded, and by that known to `is_outage`."""


def database(error: BaseException) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        OSError(errno.EHOSTUNREACH, "no route"),
        OSError(errno.ENETUNREACH, "no network"),
        OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect call failed"),
        socket.gaierror(-3, "try again"),
        ssl.SSLEOFError(),
        database(ConnectionRefusedError()),
        database(socket.gaierror(-3, "try again")),
        database(CannotConnectNowError("starting")),
        RedisConnectionError(),
        AutoReconnect("gone"),
        NetworkTimeout("slow"),
        NotPrimaryError("stepped down"),
        ServerSelectionTimeoutError("nobody"),
        WriteConcernError("not replicated", 64),
        WTimeoutError("not replicated in time", 64),
        ExecutionTimeout("time is up", 50),
        OperationFailure("stepped down", 10107),
        OperationFailure("shutting down", 91),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
    ],
    ids=repr,
)
def test_what_may_go_well_later_is_an_outage(error: BaseException) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "no such file"),
        PermissionError(errno.EACCES, "denied"),
        IsADirectoryError(errno.EISDIR, "a folder"),
        OSError(errno.ENOSPC, "full"),
        OSError("no number"),
        ssl.SSLCertVerificationError("expired"),
        database(FileNotFoundError()),
        database(UndefinedTableError("no table")),
        DuplicateKeyError("twice", 11000),
        WriteError("refused by the validator", 121),
        OperationFailure("not allowed", 13),
        BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": [{"code": 64}]}),
        KeyError(),
    ],
    ids=repr,
)
def test_a_fault_of_ours_is_none(error: BaseException) -> None:
    assert not is_outage(error)

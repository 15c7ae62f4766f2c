import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from redis import Redis as RedisClient

from deploy.local.children import ROOT
from deploy.local.engines import Engine, EngineError, Mongo, PostgreSQL, Redis
from deploy.local.engines.system_user import closed_to
from deploy.local.process.probes import NotReady
from tests.deploy.conftest import eventually, gone

ENGINES = (PostgreSQL, Redis, Mongo)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_serves_and_is_gone_after_stop(kind: type[Engine], data: Path):
    engine = kind(data)
    with pytest.raises(NotReady):
        engine.probe()
    with engine:
        engine.probe()
        pid = engine.pid
        assert pid
        with pytest.raises(EngineError, match=f"{engine.name} is running already"):
            engine.start()
    assert gone(pid)
    with pytest.raises(NotReady):
        engine.probe()


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_does_not_outlive_its_starter_though_a_client_is_connected(kind: type[Engine], data: Path):
    starter = f"""
import time
from pathlib import Path
from deploy.local.engines import {kind.__name__}
engine = {kind.__name__}(Path({str(data)!r}))
engine.start()
engine.wait_ready()
print(engine.pid, engine.port, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    pid, port = map(int, process.stdout.readline().split())
    with socket.create_connection(("127.0.0.1", port)):
        process.kill()
        process.communicate()
        eventually(lambda: gone(pid), within=10)


def test_an_engine_that_cannot_start_tells_its_last_lines(data: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        redis = Redis(data, port=taken.getsockname()[1])
        redis.start()
        with pytest.raises(EngineError, match=r"redis ended while starting:(.|\n)*Address already in use"):
            redis.wait_ready()


async def test_postgres_keeps_its_data_over_a_stop_and_a_crash(data: Path):
    postgres = PostgreSQL(data, databases=["users", "orders"])
    for expected, end in ((0, postgres.kill), (1, postgres.stop), (2, postgres.stop)):
        postgres.start()
        postgres.wait_ready()
        connection = await asyncpg.connect(postgres.url("orders"))
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT now())")
        assert await connection.fetchval("SELECT count(*) FROM kept") == expected
        await connection.execute("INSERT INTO kept DEFAULT VALUES")
        end()
        connection.terminate()


async def test_postgres_role_owns_its_databases_and_is_no_superuser(data: Path):
    with PostgreSQL(data, databases=["users"], settings={"fsync": "off"}) as postgres:
        connection = await asyncpg.connect(postgres.url("users"))
        assert await connection.fetchval("SELECT current_setting('is_superuser')") == "off"
        assert await connection.fetchval("SELECT current_setting('fsync')") == "off"
        assert await connection.fetchval("SHOW server_version_num") >= "180000"
        await connection.execute("CREATE EXTENSION citext")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")
        await connection.close()
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(f"postgresql://postgres@127.0.0.1:{postgres.port}/postgres")


def test_postgres_of_another_version_is_refused_with_the_ways_out(data: Path):
    postgres = PostgreSQL(data)
    postgres.prepare()
    (postgres.cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(EngineError, match=r"was written by PostgreSQL 15; this is 18.*--data.*--fresh"):
        postgres.start()


@as_root
def test_postgres_of_root_moves_out_of_a_closed_folder_and_says_so(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with PostgreSQL(closed / "data") as postgres:
        assert postgres.account
        assert postgres.moved
        assert postgres.moved.startswith(
            f"PostgreSQL does not run as root, and the user {postgres.account.name} may not enter "
        )
        assert not postgres.cluster.is_relative_to(tmp_path)
        assert closed_to(postgres.account, postgres.cluster) is None
    postgres.remove()
    assert not postgres.cluster.parent.exists()


def test_redis_keeps_its_data_over_a_crash(data: Path):
    redis = Redis(data)
    for expected in (1, 2):
        redis.start()
        redis.wait_ready()
        client = RedisClient.from_url(redis.url())
        assert client.incr("starts") == expected
        assert int(client.info("server")["redis_version"].partition(".")[0]) >= 7
        client.close()
        redis.kill()

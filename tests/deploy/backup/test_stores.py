"""Each store's part of a backup, from one database into another."""

import time
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from deploy.local.backup import documents, relational, streams
from deploy.local.backup.archive import ArchiveError
from tests.harness.engines import Engines

TABLES = """
CREATE TABLE alembic_version (version_num text);
INSERT INTO alembic_version VALUES ('0004');
CREATE TABLE zones (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE);
CREATE TABLE accounts (id text PRIMARY KEY, zone bigint REFERENCES zones, parent text REFERENCES accounts,
    shout text GENERATED ALWAYS AS (upper(id)) STORED, at timestamptz);
INSERT INTO zones (name) VALUES ('of the migrations');
"""


async def test_rows_references_and_sequences_come_back(engines: Engines, tmp_path: Path) -> None:
    first, second = [await asyncpg.connect(engines.postgres_url("backup")) for _ in range(2)]
    for connection in (first, second):
        await connection.execute(TABLES)
    await first.execute(
        "INSERT INTO zones (name) VALUES ('north'), ('south');"
        "INSERT INTO accounts VALUES ('ann', 3, NULL, DEFAULT, '2026-01-31 12:00:00+00'), ('bob', 2, 'ann', DEFAULT, NULL)"
    )
    assert await relational.save(first, tmp_path) == 3
    assert await relational.load(second, tmp_path) == 3
    query = "SELECT a.*, z.name FROM accounts a JOIN zones z ON z.id = a.zone ORDER BY a.id"
    assert await second.fetch(query) == await first.fetch(query)
    assert await second.fetchval("INSERT INTO zones (name) VALUES ('new') RETURNING id") == 4
    for connection in (first, second):
        await connection.close()


async def test_rows_of_other_migrations_are_refused_and_nothing_is_changed(
    engines: Engines, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(engines.postgres_url("backup"))
    await connection.execute(TABLES)
    await relational.save(connection, tmp_path)
    await connection.execute("UPDATE alembic_version SET version_num = '0005'; DELETE FROM zones")
    with pytest.raises(ArchiveError, match=r"was made with migrations up to 0004 .* this version has 0005"):
        await relational.load(connection, tmp_path)
    assert await connection.fetchval("SELECT count(*) FROM zones") == 0
    await connection.close()


def test_documents_and_files_come_back_as_they_were(engines: Engines, tmp_path: Path) -> None:
    (first_client, first), (second_client, second) = (
        documents.opened(engines.mongo_url("backup")) for _ in range(2)
    )
    with first_client, second_client:
        for database in (first, second):
            database["migrations"].insert_one({"_id": 1, "name": "one"})
        second["products"].insert_one({"_id": "of the migrations"})
        first["products"].insert_many([{"_id": number, "price": 1.5, "name": "Ж"} for number in range(450)])
        first["images.chunks"].insert_one({"_id": 1, "data": bytes(300_000)})
        assert documents.save(first, tmp_path / "products") == 3
        assert documents.load(second, tmp_path / "products") == 3
        for name in ("products", "images.chunks", "migrations"):
            found = [sorted(d.raw for d in database[name].find()) for database in (first, second)]
            assert found[0] == found[1]
            assert found[0]


def test_documents_of_other_migrations_are_refused(engines: Engines, tmp_path: Path) -> None:
    client, database = documents.opened(engines.mongo_url("backup"))
    with client:
        database["migrations"].insert_one({"_id": 1})
        documents.save(database, tmp_path / "products")
        database["migrations"].insert_one({"_id": 2})
        with pytest.raises(ArchiveError, match="migrations up to 1 of products, and this version has 2"):
            documents.load(database, tmp_path / "products")


def test_streams_keep_their_readers_places_and_caches_are_left_out(engines: Engines, tmp_path: Path) -> None:
    url = f"{engines.redis.rpartition('/')[0]}/1"
    with Redis.from_url(url, decode_responses=True) as redis:
        redis.flushdb()
        for number in range(3):
            redis.xadd("events:backup", {"number": number})
        redis.xgroup_create("events:backup", "readers", id="0")
        [[_, [(delivered, _)]]] = redis.xreadgroup("readers", "one", {"events:backup": ">"}, count=1)
        redis.set("revoked:session:x", 1, ex=600)
        redis.set("revoked:session:ended", 1, px=1500)
        redis.set("products:cached:1:x", "old")
        assert streams.save(url, tmp_path / "redis.jsonl") == 3
        redis.flushdb()
        time.sleep(1.6)
        assert streams.load(url, tmp_path / "redis.jsonl") == 3
        assert sorted(redis.keys("*")) == ["events:backup", "revoked:session:x"]
        assert 590 < redis.ttl("revoked:session:x") <= 600
        assert redis.xpending("events:backup", "readers")["min"] == delivered
        [[_, rest]] = redis.xreadgroup("readers", "one", {"events:backup": ">"})
        assert [fields["number"] for _, fields in rest] == ["1", "2"]
        redis.flushdb()

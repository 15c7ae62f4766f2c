"""The server of MongoDB's protocol: which one runs, what it keeps, and whose files it goes on with."""

import shutil
import tarfile
import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from gridfs import GridFSBucket
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, DuplicateKeyError

from deploy.local.engines import EngineError, Mongo, mongo_servers, replica_set
from deploy.local.engines.mongo_servers import Mongod, NativeSecantus, PythonSecantus, choose
from deploy.local.process.probes import NotReady
from tests.deploy.conftest import eventually

WRITTEN_BY_THE_PYTHON_SERVER = Path(__file__).with_name("secantusd-py-0.7.0b3.tar.xz")
NATIVE_MISSING = "the native server is not in this Python's wheel"
native = pytest.mark.skipif(
    not any(isinstance(s, NativeSecantus) for s in mongo_servers._found()), reason=NATIVE_MISSING
)


def client(mongo: Mongo, *, patience: float = 10) -> MongoClient[dict[str, Any]]:
    return MongoClient(mongo.url("products"), serverSelectionTimeoutMS=1000 * patience)


# ---- what it keeps -------------------------------------------------------------------------------------------


def test_it_keeps_its_data_and_has_transactions(data: Path):
    mongo = Mongo(data)
    for expected in (1, 2):
        mongo.start()
        mongo.wait_ready()
        with client(mongo) as opened:
            things = opened.get_default_database()["things"]
            with opened.start_session() as session, session.start_transaction():
                things.insert_one({"n": expected}, session=session)
            with opened.start_session() as session:
                session.start_transaction()
                things.insert_one({"n": -1}, session=session)
                session.abort_transaction()
            assert sorted(thing["n"] for thing in things.find()) == list(range(1, expected + 1))
        mongo.stop()


def test_every_acknowledged_write_survives_kills_amid_writing(data: Path):
    """Killed while four clients write without a pause, three times; nothing that was acknowledged is missing."""
    mongo = Mongo(data)
    acknowledged: list[int] = []
    for life in range(3):
        mongo.start()
        mongo.wait_ready()
        before = len(acknowledged)
        with client(mongo, patience=0.5) as opened:
            things = opened.get_default_database()["things"]

            def write(first: int, things: Any = things) -> None:
                number = first
                try:
                    while True:
                        things.insert_one({"_id": number})
                        acknowledged.append(number)
                        number += 4
                except AutoReconnect:
                    return

            first = 1_000_000 * life
            writers = [threading.Thread(target=write, args=(first + n,)) for n in range(4)]
            for writer in writers:
                writer.start()
            eventually(lambda before=before: len(acknowledged) > before + 100)
            mongo.kill()
            for writer in writers:
                writer.join()
    with mongo, client(mongo) as opened:
        kept = {thing["_id"] for thing in opened.get_default_database()["things"].find()}
    assert set(acknowledged) - kept == set()
    assert len(acknowledged) > 300


# ---- which server --------------------------------------------------------------------------------------------


def program(folder: Path, name: str, said: str) -> Path:
    folder.mkdir(exist_ok=True)
    made = folder / name
    made.write_text(f"#!/bin/sh\necho '{said}'\n")
    made.chmod(0o755)
    return made


def test_the_order_of_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mongo_servers, "_packages", lambda: tmp_path / "packages")
    (tmp_path / "packages" / "secantusdb.scripts").mkdir(parents=True)
    monkeypatch.setattr(mongo_servers.sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setattr(mongo_servers, "find_spec", lambda name: name == "shapely")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin:/usr/bin")
    monkeypatch.setattr(
        mongo_servers.shutil,
        "which",
        lambda name: str(p) if (p := tmp_path / "path" / name).exists() else None,
    )
    with pytest.raises(EngineError, match=r"no server of MongoDB's protocol here.*set PRODUCTS_DATABASE_URL"):
        choose()
    last = program(tmp_path / "venv", "secantusd-py", "")
    assert choose() == PythonSecantus(last, "in Python", "of the package secantusdb")
    third = program(
        tmp_path / "packages" / "secantusdb.scripts", "secantusd-rs", "secantusd-rs 0.5.3-beta.165"
    )
    assert choose() == NativeSecantus(third, "0.5.3-beta.165", "of the package secantusdb")
    second = program(tmp_path / "path", "secantusd-rs", "secantusd-rs 0.6.1")
    assert choose() == NativeSecantus(second, "0.6.1", str(second))
    program(tmp_path / "path", "mongod", "db version v4.4.29")  # too old
    assert choose().name == "secantusd-rs"
    first = program(tmp_path / "path", "mongod", "db version v8.0.4\nBuild Info: {")
    assert choose() == Mongod(first, "8.0.4", str(first))
    assert choose("secantusd-py").program == last
    last.unlink()
    with pytest.raises(EngineError, match="There is no secantusd-py here"):
        choose("secantusd-py")


def test_a_program_that_does_not_run_is_passed_over(tmp_path: Path):
    broken = program(tmp_path, "secantusd-rs", "")
    broken.write_text("#!/bin/sh\nexit 127\n")
    assert mongo_servers._version(broken) == ""
    assert mongo_servers._version(tmp_path / "nobody") == ""


@native
def test_the_native_server_is_the_one_of_the_tests(data: Path):
    mongo = Mongo(data)
    assert mongo.server.name in {"mongod", "secantusd-rs"}
    if isinstance(mongo.server, NativeSecantus):
        arguments = list(mongo.command())
        assert "--sync-on-commit" in arguments
        assert arguments[arguments.index("--log-file-max") + 1] == "32MB"


@pytest.mark.parametrize("server", sorted({s.name for s in mongo_servers._found()}))
def test_files_in_gridfs_are_kept_whole_and_read_in_parts(data: Path, server: str):
    content = bytes(range(256)) * 3000
    for life in range(2):
        with Mongo(data, server=server) as mongo, client(mongo) as opened:
            bucket = GridFSBucket(opened.get_default_database(), bucket_name="images")
            if life == 0:
                bucket.upload_from_stream_with_id("a", "a", content, metadata={"etag": "x"})
            with bucket.open_download_stream("a") as file:
                assert (file.length, file.metadata) == (768_000, {"etag": "x"})
                file.seek(261_119)
                assert file.read(4) == content[261_119:261_123]
                file.seek(0)
                assert file.read() == content


# ---- whose files ---------------------------------------------------------------------------------------------


@native
def test_the_native_server_goes_on_with_what_the_one_in_python_wrote(data: Path):
    data.mkdir()
    with tarfile.open(WRITTEN_BY_THE_PYTHON_SERVER) as archive:
        archive.extractall(data, filter="data")
    for life in range(2):
        with Mongo(data, server="secantusd-rs") as mongo, client(mongo) as opened:
            products = opened.get_default_database()["products"]
            found = list(products.find({"category": "tea"}, {"at": 0}).sort("name"))
            assert found == [
                {
                    "_id": f"0000000{n}",
                    "sku": f"a-{n + 1}",
                    "name": f"Product {n}",
                    "category": "tea",
                    "stock": 10 * n,
                    "tags": ["x", f"a-{n + 1}"],
                    "holds": [{"q": 1}],
                }
                for n in range(2)
            ]
            assert set(products.index_information()) == {"_id_", "sku", "category"}
            with pytest.raises(DuplicateKeyError):
                products.insert_one({"sku": "a-1"})
            products.update_one({"sku": "b-1"}, {"$inc": {"stock": 1}})
            assert products.find_one({"sku": "b-1"}, {"_id": 0, "stock": 1}) == {"stock": 21 + life}


def test_files_of_another_kind_of_server_are_refused_with_the_ways_out_and_left_alone(data: Path):
    written = data / "wiredtiger" / "WiredTiger"
    written.parent.mkdir(parents=True)
    written.write_text("WiredTiger 11.3.1")
    mongo = Mongo(data)
    mongo.__dict__["server"] = Mongod(Path("/opt/mongod"), "8.0.4", "/opt/mongod")
    with pytest.raises(EngineError) as refusal:
        mongo.start()
    assert str(refusal.value) == (
        f"The documents in {data}/wiredtiger were written by SecantusDB, and mongod 8.0.4 (/opt/mongod) cannot read "
        "them. They stay as they are. Go on with the server that wrote them (--mongo-server secantusd-rs), choose "
        "another folder (--data), or start afresh (--fresh)."
    )
    assert written.read_text() == "WiredTiger 11.3.1"
    assert not (data / "mongod").exists()


@native
def test_files_of_mongod_are_refused_by_the_others(data: Path):
    (data / "mongod").mkdir(parents=True)
    with pytest.raises(
        EngineError, match=r"were written by mongod, and secantusd-rs .*\(--mongo-server mongod\)"
    ):
        Mongo(data, server="secantusd-rs").start()


# ---- MongoDB itself ------------------------------------------------------------------------------------------


def test_the_command_of_mongod_is_a_replica_set_of_one_node_on_this_machine_alone(data: Path):
    server = Mongod(Path("/usr/bin/mongod"), "8.0.4", "/usr/bin/mongod")
    command = server.command(host="127.0.0.1", port=27018, storage=data / "mongod", config=data / "unused")
    assert command == [
        "/usr/bin/mongod",
        *("--dbpath", str(data / "mongod"), "--bind_ip", "127.0.0.1", "--port", "27018"),
        *("--replSet", "supergraph", "--oplogSize", "128", "--wiredTigerCacheSizeGB", "0.25"),
        *("--nounixsocket", "--quiet"),
    ]


@pytest.mark.skipif(not shutil.which("mongod"), reason="no mongod on PATH: only its command line is tested")
def test_mongod_has_transactions_also_after_a_start_on_another_port(data: Path):
    for expected in (1, 2):
        with Mongo(data, server="mongod") as mongo, client(mongo) as opened:
            things = opened.get_default_database()["things"]
            with opened.start_session() as session, session.start_transaction():
                things.insert_one({"n": expected}, session=session)
            assert things.count_documents({}) == expected


class Node:
    """The answers of a mongod about its replica set, as its documentation has them."""

    def __init__(self, config: dict[str, Any] | None) -> None:
        self.config = config
        self.primary = False

    def run(self, host: str, port: int, command: dict[str, Any]) -> dict[str, Any]:
        assert (host, port) == ("127.0.0.1", 27018)
        match command:
            case {"hello": 1}:
                return {"ok": 1, "isWritablePrimary": self.primary}
            case {"replSetGetConfig": 1}:
                return {"ok": 1, "config": deepcopy(self.config)} if self.config else {"ok": 0, "code": 94}
            case {"replSetInitiate": config}:
                assert self.config is None
            case {"replSetReconfig": config, "force": True}:
                assert config["version"] > self.config["version"]
        self.config, self.primary = config, True
        return {"ok": 1}


MEMBER = {"_id": 0, "host": "127.0.0.1:27018"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, {"_id": "supergraph", "members": [MEMBER]}),
        (
            {
                "_id": "supergraph",
                "version": 1,
                "members": [{"_id": 0, "host": "127.0.0.1:9", "priority": 1}],
            },
            {"_id": "supergraph", "version": 2, "members": [{**MEMBER, "priority": 1}]},
        ),
    ],
)
def test_a_node_is_told_of_its_set_once_and_then_asked_until_it_is_primary(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, Any] | None, after: dict[str, Any]
):
    node = Node(deepcopy(before))
    monkeypatch.setattr(replica_set, "_run", node.run)
    with pytest.raises(NotReady, match="has not been elected primary yet"):
        replica_set.ensure_primary("127.0.0.1", 27018)
    assert node.config == after
    replica_set.ensure_primary("127.0.0.1", 27018)
    node.primary = False  # an election; the configuration is right
    with pytest.raises(NotReady):
        replica_set.ensure_primary("127.0.0.1", 27018)
    assert node.config == after


def test_the_command_over_the_wire_reads_an_answer_longer_than_one_packet(data: Path):
    with Mongo(data) as mongo:
        with client(mongo) as opened:
            opened.get_default_database()["things"].insert_one({"text": "x" * 200_000})
        find = {"find": "things", "$db": "products"}
        answer = replica_set._run(mongo.host, mongo.port, find)
        assert len(answer["cursor"]["firstBatch"][0]["text"]) == 200_000

"""The composed service: it stays up while a store is away, and recovers by itself."""

import asyncio
import secrets
import time
from contextlib import asynccontextmanager

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import Gauge

from deploy.local.engines.mongo import Mongo as MongoEngine
from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto.inventory_pb2_grpc import InventoryStub
from subgraphs.kit.errors import StartError
from subgraphs.kit.grpc.client import create_channel
from subgraphs.kit.http import operations
from subgraphs.kit.mongo.client import Mongo
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.products.app import migrate, open_app
from subgraphs.products.settings import ProductsSettings
from tests.subgraphs.products.held_up_database import RacyDatabase

TOKEN = secrets.token_urlsafe(32)
LIST = {"query": "{ products { totalCount } }"}


@pytest.fixture
async def engine(tmp_path):
    """A MongoDB server of this test alone, which may be stopped."""
    engine = MongoEngine(tmp_path / "mongo")
    engine.start()
    await asyncio.to_thread(engine.wait_ready)
    yield engine
    await asyncio.to_thread(engine.stop)


def settings_for(
    database_url: str, redis_url: str, *, token: str = TOKEN, timeout: str = "5s"
) -> ProductsSettings:
    return ProductsSettings(
        database={"url": database_url, "timeout": timeout},
        redis={"url": redis_url},
        server={"port": 0, "grpc_port": Ports().free()},
        services={"token": token, "users": "http://127.0.0.1:9"},
    )


@asynccontextmanager
async def serving(settings: ProductsSettings):
    async with open_app(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://products") as http:
            yield http


async def test_store_that_goes_away_is_unavailable_until_it_is_back(engine, engines, monkeypatch) -> None:
    monkeypatch.setattr(operations, "REMEMBERED_SECONDS", 0.0)
    await migrate(settings_for(engine.url("outage"), engines.redis_url))
    settings = settings_for(engine.url("outage"), engines.redis_url, timeout="500ms")
    channel = create_channel(f"127.0.0.1:{settings.server.grpc_port}", token=TOKEN)
    async with serving(settings) as http, channel:
        stub = InventoryStub(channel)
        assert (await http.get("/ready")).status_code == 200
        assert (await http.post("/graphql", json=LIST)).json() == {"data": {"products": {"totalCount": 0}}}

        await asyncio.to_thread(engine.stop)
        ready = await http.get("/ready")
        assert (ready.status_code, ready.json()["checks"]) == (503, {"mongo": False, "redis": True})
        error = (await http.post("/graphql", json=LIST)).json()["errors"][0]
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert "127.0.0.1" not in error["message"]
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.Pin(pb.HoldRequest(order_id="o1"))
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (await http.get("/health")).status_code == 200

        engine.start()
        await asyncio.to_thread(engine.wait_ready)
        deadline = time.monotonic() + 10
        while (await http.get("/ready")).status_code != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert (await http.post("/graphql", json=LIST)).json() == {"data": {"products": {"totalCount": 0}}}
        assert (await stub.Pin(pb.HoldRequest(order_id="o1"))).state == pb.ABSENT


class _MongoOnRacyServer(Mongo):
    def __init__(self, settings: DatabaseSettings, *, application: str) -> None:
        super().__init__(settings, application=application)
        self.database = RacyDatabase(self.database)  # type: ignore[assignment] # looks like one


async def test_server_whose_updates_are_not_atomic_is_not_served_on(engines, monkeypatch) -> None:
    monkeypatch.setattr("subgraphs.products.app.Mongo", _MongoOnRacyServer)
    settings = settings_for(engines.mongo_url("racy"), engines.redis_url)
    with pytest.raises(
        StartError, match=r"does not update atomically: \d+ of 12 claims.*does not serve on it"
    ):
        async with open_app(settings):
            pass


class _Recorder(Gauge):
    """A gauge of one test's own, which others' connections do not move; remembers how high it went."""

    highest = 0.0

    def inc(self, amount: float = 1) -> None:
        super().inc(amount)
        self.highest = max(self.highest, self._value.get())


async def test_metrics_count_the_connections_in_use(engines, monkeypatch) -> None:
    gauge = _Recorder("connections_of_a_test", "In use.", registry=None)
    monkeypatch.setattr("subgraphs.kit.mongo.client.DB_CONNECTIONS", gauge)
    settings = settings_for(engines.mongo_url("metrics"), engines.redis_url)
    async with serving(settings) as http:
        await asyncio.gather(*(http.post("/graphql", json=LIST) for _ in range(5)))
        assert "db_connections_active" in (await http.get("/metrics")).text
    assert gauge.highest >= 1
    deadline = time.monotonic() + 10
    while gauge._value.get() != 0:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_redis_that_is_away_stops_events_only(engines) -> None:
    settings = settings_for(engines.mongo_url("noredis"), "redis://127.0.0.1:9/0")
    await migrate(settings)
    async with serving(settings) as http:
        assert (await http.get("/ready")).json()["checks"] == {"mongo": True, "redis": False}
        assert (await http.post("/graphql", json=LIST)).status_code == 200


async def test_token_cannot_be_checked_without_the_keys(engines) -> None:
    settings = settings_for(engines.mongo_url("nokeys"), engines.redis_url)
    headers = {"kid": "k1", "typ": "at+jwt"}
    token = jwt.encode({"sub": "u1"}, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=headers)
    async with serving(settings) as http:
        response = await http.post("/graphql", json=LIST, headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 503
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_empty_token_between_services_is_refused_at_start(engines) -> None:
    settings = settings_for(engines.mongo_url("notoken"), engines.redis_url, token="")
    with pytest.raises(StartError, match="SERVICES_TOKEN"):
        async with open_app(settings):
            pass

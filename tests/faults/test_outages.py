"""A dead dependency has a defined answer through the edge, nothing is lost, and it heals by itself."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deploy.local.engines import Engine, Mongo, PostgreSQL, Redis
from tests.harness import launcher

PASSWORD = "password123"
_PATIENCE = 30.0


@dataclass(frozen=True)
class System:
    """A supergraph of these tests alone, whose stores they stop and start."""

    postgres: PostgreSQL
    redis: Redis
    mongo: Mongo
    state: dict[str, Any]

    @property
    def edge(self) -> str:
        return str(self.state["addresses"]["edge"])


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    folder = Path(tempfile.mkdtemp(prefix="supergraph-faults-"))
    folder.chmod(0o755)
    engines: list[Engine] = [
        PostgreSQL(folder / "pg", databases=["users", "orders"]),
        Redis(folder / "redis"),
        Mongo(folder / "mongo"),
    ]
    process = None
    try:
        for engine in engines:
            engine.start()
        for engine in engines:
            engine.wait_ready()
        postgres, redis, mongo = engines
        env = {
            "USERS_DATABASE_URL": postgres.url("users"),
            "ORDERS_DATABASE_URL": postgres.url("orders"),
            "PRODUCTS_DATABASE_URL": mongo.url("products"),
            "REDIS_URL": redis.url(),
            "USERS_FIRST_ACCOUNT_ADMIN": "true",
            "ORDERS_PAYMENTS_PROVIDER": "sandbox",
        }
        state = folder / "state.json"
        arguments = ["--edge-port", "0", "--router-port", "0", "--no-seed"]
        process = launcher.launch(folder / "data", state, arguments, env=env)
        launcher.wait_for(process, state)
        yield System(postgres, redis, mongo, launcher.read(state))  # type: ignore[arg-type]
    finally:
        if process is not None:
            launcher.stop(process.pid)
        for engine in engines:
            engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def http(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=system.edge, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
async def headers(http: httpx.AsyncClient) -> dict[str, str]:
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    answer = await http.post("/api/v1/users/register", json=body)
    return {"authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture
async def product_id(http: httpx.AsyncClient, headers: dict[str, str]) -> str:
    answer = await http.post(
        "/api/v1/products", json={"name": "Cup", "price": 5, "stock": 10}, headers=headers
    )
    return str(answer.json()["id"])


async def _until(check: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not await check():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.1)


async def _place(
    http: httpx.AsyncClient, headers: dict[str, str], product_id: str, key: str
) -> httpx.Response:
    body = {"items": [{"product_id": product_id, "quantity": 2}]}
    return await http.post("/api/v1/orders", json=body, headers={**headers, "idempotency-key": key})


def _pids(system: System) -> dict[str, int]:
    return {name: child["pid"] for name, child in system.state["children"].items()}


async def test_postgres_down_is_503_masked_and_heals(
    system: System, http: httpx.AsyncClient, headers: dict[str, str], product_id: str
) -> None:
    system.postgres.stop()
    try:
        placed = await _place(http, headers, product_id, "while-down")
        assert (placed.status_code, placed.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert placed.headers["retry-after"]
        query = {"query": "{ orders { nodes { id } } }"}
        answer = (await http.post("/graphql", json=query, headers=headers)).json()
        assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert str(system.postgres.port) not in str(answer)
        # What does not need it goes on.
        assert (await http.get(f"/api/v1/products/{product_id}")).status_code == 200
        async with httpx.AsyncClient() as direct:
            orders = system.state["addresses"]["orders"]
            assert (await direct.get(f"{orders}/health")).status_code == 200

            async def not_ready() -> bool:  # what was found before the stop holds for a second
                return (await direct.get(f"{orders}/ready")).status_code == 503

            await _until(not_ready)
    finally:
        system.postgres.start()
        system.postgres.wait_ready()

    async def heals() -> bool:
        return (await _place(http, headers, product_id, "while-down")).status_code == 201

    await _until(heals)
    assert (await http.get(f"/api/v1/products/{product_id}")).json()["stock"] == 8


async def test_mongo_down_leaves_the_order_pending_and_it_goes_on_by_itself(
    system: System, http: httpx.AsyncClient, headers: dict[str, str], product_id: str
) -> None:
    system.mongo.stop()
    try:
        answer = await http.get(f"/api/v1/products/{product_id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "UNAVAILABLE")
        placed = await _place(http, headers, product_id, "mongo-down")
        assert (placed.status_code, placed.json()["status"]) == (202, "pending_stock")
    finally:
        system.mongo.start()
        system.mongo.wait_ready()
    path = f"/api/v1/orders/{placed.json()['id']}"

    async def held() -> bool:
        return bool((await http.get(path, headers=headers)).json()["status"] == "awaiting_payment")

    await _until(held)
    order = (await http.get(path, headers=headers)).json()
    assert order["total"] == 10
    assert (await http.get(f"/api/v1/products/{product_id}")).json()["stock"] == 8


async def test_products_frozen_the_order_is_202_and_goes_on_by_itself_once(
    system: System, http: httpx.AsyncClient, headers: dict[str, str], product_id: str
) -> None:
    """Nobody learns in time whether the units are held; a client that repeats its request has one order all the same."""
    products = _pid(system, "products")
    os.kill(products, signal.SIGSTOP)
    try:
        placed = await _place(http, headers, product_id, "frozen")
        assert (placed.status_code, placed.json()["status"]) == (202, "pending_stock")
        path = f"/api/v1/orders/{placed.json()['id']}"
        assert (placed.headers["location"], placed.headers["retry-after"]) == (path, "1")
        again = await _place(http, headers, product_id, "frozen")
        assert (again.status_code, again.json()["id"]) == (202, placed.json()["id"])
    finally:
        os.kill(products, signal.SIGCONT)

    async def held() -> bool:
        return bool((await http.get(path, headers=headers)).json()["status"] == "awaiting_payment")

    await _until(held)
    assert (await http.get(f"/api/v1/products/{product_id}")).json()["stock"] == 8
    assert (await _place(http, headers, product_id, "frozen")).status_code == 201


async def test_redis_down_neither_stops_orders_nor_loses_their_events(
    system: System, http: httpx.AsyncClient, headers: dict[str, str], product_id: str
) -> None:
    system.redis.stop()
    try:
        placed = await _place(http, headers, product_id, "redis-down")
        assert (placed.status_code, placed.json()["status"]) == (201, "awaiting_payment")
        # Live status falls back to reading the database.
        stream = f"/api/v1/orders/{placed.json()['id']}/events"
        async with asyncio.timeout(_PATIENCE), http.stream("GET", stream, headers=headers) as events:
            lines = (line async for line in events.aiter_lines() if line.startswith("id:"))
            assert [await anext(lines), await anext(lines)] == ["id: 1", "id: 2"]
            await http.post(f"/api/v1/orders/{placed.json()['id']}/pay", headers=headers)
            assert [await anext(lines), await anext(lines)] == ["id: 3", "id: 4"]
    finally:
        system.redis.start()
        system.redis.wait_ready()


async def test_killed_subgraph_gives_partial_data_and_is_started_again(
    system: System, http: httpx.AsyncClient, headers: dict[str, str], product_id: str
) -> None:
    query = {"query": '{ me { username } product(id: "%s") { name unitsSold } }' % product_id}  # noqa: UP031 - braces
    whole = {"me": {"username": "ada"}, "product": {"name": "Cup", "unitsSold": 0}}
    assert (await http.post("/graphql", json=query, headers=headers)).json() == {"data": whole}
    os.kill(_pids(system)["orders"], signal.SIGKILL)
    answer = (await http.post("/graphql", json=query, headers=headers)).json()
    assert answer["data"] == {"me": {"username": "ada"}, "product": {"name": "Cup", "unitsSold": None}}
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"

    async def back() -> bool:
        return (await http.post("/graphql", json=query, headers=headers)).json() == {"data": whole}

    await _until(back)


async def test_orders_process_killed_while_placing_loses_nothing(
    system: System, http: httpx.AsyncClient, headers: dict[str, str], product_id: str
) -> None:
    """Kill the process amid a burst of orders; repeating each by its key leaves exactly one of each."""

    async def ready() -> bool:
        return (await http.get("/ready")).status_code == 200

    await _until(ready)
    pid = _pid(system, "orders")
    keys = [f"burst-{n}" for n in range(4)]
    burst = [asyncio.create_task(_place(http, headers, product_id, key)) for key in keys]
    await asyncio.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*burst, return_exceptions=True)

    async def all_placed() -> bool:
        answers = await asyncio.gather(*(_place(http, headers, product_id, key) for key in keys))
        return all(a.status_code == 201 and a.json()["status"] == "awaiting_payment" for a in answers)

    await _until(all_placed)
    assert (await http.get(f"/api/v1/products/{product_id}")).json()["stock"] == 10 - 2 * len(keys)


def _pid(system: System, service: str) -> int:
    """The process that serves now; the launcher may have started a new one since the first."""
    port = int(system.state["addresses"][service].rsplit(":", 1)[1])
    for process in psutil.process_iter():
        try:
            if any(
                c.laddr.port == port and c.status == psutil.CONN_LISTEN
                for c in process.net_connections("tcp")
            ):
                return process.pid
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    raise AssertionError(f"nothing listens on the port of {service}")

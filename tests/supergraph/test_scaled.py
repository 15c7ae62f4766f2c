"""Two processes of a service: what one does the other knows, and none of them is missed while it is restarted."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from gql import Client
from gql.transport.websockets import WebsocketsTransport

from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from tests.harness import launcher
from tests.harness.engines import Engines
from tests.harness.launcher import AS_THE_ROUTER
from tests.subgraphs.orders import invariants
from tests.subgraphs.orders.order_books import OrderBooks
from tests.supergraph.conftest import Account, order_with_stock, request, sign_up

pytestmark = pytest.mark.xdist_group("scaled")
SCALE = {"users": 2, "products": 2, "orders": 2, "rest": 1}
LOGINS = 6
STATUS = "subscription ($id: ID!) { orderStatus(orderId: $id) { seq status } }"
READ = "{ products(first: 2) { nodes { id name stock } } }"
CREATE = """mutation CreateOrder($product: ID!, $key: String) {
  createOrder(input: {items: [{productId: $product, quantity: 1}]}, idempotencyKey: $key) {
    ... on CreateOrderSuccess { order { id } } ... on Error { code message } } }"""
CANCEL = "mutation ($id: ID!) { cancelOrder(id: $id) { ... on CancelOrderSuccess { order { status } } } }"
PRODUCT = "query ($id: ID!) { product(id: $id) { name } }"
RENAME = """mutation ($id: ID!) {
  updateProduct(id: $id, input: {name: "Urn"}) { ... on UpdateProductSuccess { product { name } } } }"""
LOGIN = """mutation ($email: String!) {
  login(input: {email: $email, password: "no such password"}) { ... on Error { code } } }"""
LOGOUT = "mutation { logout { __typename } }"
ME = "{ me { id } }"


@dataclass
class Scaled:
    """The system, an administrator and a customer of it, and something to sell."""

    state: dict[str, Any]
    http: httpx.AsyncClient
    admin: Account
    customer: Account
    product: str
    stock: int

    def urls(self, service: str) -> list[str]:
        """Of each process of a service, as they are now."""
        processes = self.now()["children"][service]["processes"]
        return [f"http://127.0.0.1:{process['http']}" for process in processes]

    def now(self) -> dict[str, Any]:
        return launcher.read(launcher.folder() / "scaled.json")

    async def ask(self, url: str, document: str, account: Account | None = None, **variables: Any) -> Any:
        """The answer of one process of a subgraph, asked as the router asks."""
        headers = {**AS_THE_ROUTER, **(account.headers if account else {})}
        body = {"query": document, "variables": variables}
        return (await self.http.post(f"{url}/graphql", json=body, headers=headers)).json()

    async def order(self, account: Account) -> str:
        items = {"items": [{"product_id": self.product, "quantity": 1}]}
        placed = await self.http.post("/api/v1/orders", json=items, headers=account.headers)
        return str((await order_with_stock(self.http, account, placed))["id"])

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        data = str(launcher.folder() / "scaled")
        return subprocess.run(
            [sys.executable, "-m", "deploy.local.cli", arguments[0], "--data", data, *arguments[1:]],
            cwd=launcher.ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
async def scaled(engines: Engines) -> AsyncIterator[Scaled]:
    env = {
        "USERS_DATABASE_URL": engines.postgres_url("users"),
        "ORDERS_DATABASE_URL": engines.postgres_url("orders"),
        "PRODUCTS_DATABASE_URL": engines.mongo_url("products"),
        "REDIS_URL": engines.redis_alone("scaled"),
        "ROUTER_SECRET": launcher.ROUTER_SECRET,
        "USERS_FIRST_ACCOUNT_ADMIN": "true",
        "USERS_THROTTLE_LOGIN_ADDRESS": f"{LOGINS}/1h",
        "ORDERS_QUOTA_OPEN_ORDERS": "0",
        "ORDERS_QUOTA_HELD_UNITS": "0",
    }
    wanted = ",".join(f"{service}={count}" for service, count in SCALE.items())
    arguments = ["--edge-port", "0", "--router-port", "0", "--router", "hive", "--scale", wanted]
    state = launcher.shared("scaled", arguments, env=env)
    async with httpx.AsyncClient(base_url=state["addresses"]["edge"], timeout=30) as http:
        admin = await sign_up(http, "first")
        customer = await sign_up(http, "customer")
        body = {"name": "Kettle", "price": 19.99, "stock": 5000, "category": "Kitchen"}
        made = await http.post("/api/v1/products", json=body, headers=admin.headers)
        assert made.status_code == 201, made.text
        yield Scaled(state, http, admin, customer, made.json()["id"], 5000)


@pytest.fixture(scope="module")
async def books(scaled: Scaled) -> AsyncIterator[OrderBooks]:
    postgres = Postgres(
        DatabaseSettings(url=scaled.state["addresses"]["orders_database"], pool_size=4), application="tests"
    )
    yield OrderBooks(postgres)
    await postgres.close()


async def eventually(condition: Callable[[], Awaitable[object]], *, within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)


def test_status_shows_each_process(scaled: Scaled) -> None:
    shown = scaled.command("status", "--json")
    assert shown.returncode == 0, shown.stdout
    found = {process["name"]: process["state"] for process in json.loads(shown.stdout)}
    named = {f"{service}-{n}" for service, count in SCALE.items() for n in range(1, count + 1)}
    assert found == dict.fromkeys({"balancer", "router", "edge", *named}, "ready")


async def test_requests_are_spread_over_the_processes_over_http_and_grpc(scaled: Scaled) -> None:
    """Each goes to any of those that are least busy, so one of them may wait for its first for a while."""

    async def everybody_was_asked() -> bool:
        await scaled.order(scaled.customer)
        (await scaled.http.post("/graphql", json={"query": READ})).raise_for_status()
        profile = await scaled.http.get("/api/v1/users/profile", headers=scaled.customer.headers)
        assert profile.status_code == 200
        asked = await _answered(scaled)
        assert all(len(asked[name]) == 2 for name in spread)
        return all(all(asked[name]) for name in spread)

    spread = ("users", "products", "products_grpc", "orders")
    await eventually(everybody_was_asked)


async def _answered(scaled: Scaled) -> dict[str, list[int]]:
    """Requests that each process has answered, by the cluster of the balancer."""
    told = (await scaled.http.get(f"{_admin(scaled)}/clusters?format=json")).json()
    return {
        cluster["name"]: [
            int(stat.get("value", 0))
            for host in cluster["host_statuses"]
            for stat in host["stats"]
            if stat["name"] == "rq_success"
        ]
        for cluster in told["cluster_statuses"]
    }


def _admin(scaled: Scaled) -> str:
    return f"http://127.0.0.1:{scaled.state['children']['balancer']['processes'][0]['http']}"


async def test_an_order_that_one_process_advances_reaches_a_subscriber_of_the_other(scaled: Scaled) -> None:
    for here, there in itertools.permutations(scaled.urls("orders")):
        order = await scaled.order(scaled.customer)
        transport = WebsocketsTransport(
            f"{there}/graphql".replace("http", "ws", 1),
            headers=AS_THE_ROUTER,
            init_payload={"authorization": f"Bearer {scaled.customer.token}"},
        )
        async with (
            asyncio.timeout(20),
            Client(transport=transport, fetch_schema_from_transport=False) as opened,
        ):
            events = opened.subscribe(request(STATUS, {"id": order}))
            seen = [(await anext(events))["orderStatus"]["status"] for _ in range(2)]
            await scaled.ask(here, CANCEL, scaled.customer, id=order)
            seen += [(await anext(events))["orderStatus"]["status"] for _ in range(2)]
            await events.aclose()
        assert seen == ["PENDING_STOCK", "AWAITING_PAYMENT", "CANCELLING", "CANCELLED"]


async def test_what_one_process_changes_the_other_no_longer_has_in_its_cache(scaled: Scaled) -> None:
    body = {"name": "Jug", "price": 5, "stock": 10, "category": "Kitchen"}
    made = await scaled.http.post("/api/v1/products", json=body, headers=scaled.admin.headers)
    here, there = scaled.urls("products")
    product = made.json()["id"]

    async def name(url: str) -> str:
        return str((await scaled.ask(url, PRODUCT, id=product))["data"]["product"]["name"])

    for url in (here, there, here, there):
        assert await name(url) == "Jug"
    await scaled.ask(here, RENAME, scaled.admin, id=product)
    assert await name(here) == "Urn"
    await eventually(lambda: _is(name(there), "Urn"), within=5)


async def _is(found: Awaitable[str], expected: str) -> bool:
    return await found == expected


async def test_a_session_that_one_process_ends_is_ended_for_the_others(scaled: Scaled) -> None:
    here, there = scaled.urls("users")
    account = await sign_up(scaled.http, "leaver")
    assert (await scaled.ask(there, ME, account))["data"]["me"] == {"id": account.id}
    await scaled.ask(here, LOGOUT, account)

    async def refused(url: str) -> bool:
        answer = await scaled.ask(url, ME, account)
        return bool(answer.get("errors")) and answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    await eventually(lambda: refused(there), within=5)


async def test_logins_are_counted_over_both_processes(scaled: Scaled) -> None:
    headers = {**AS_THE_ROUTER, "x-client-address": "203.0.113.7"}
    codes = []
    for number, url in zip(range(LOGINS + 2), itertools.cycle(scaled.urls("users")), strict=False):
        body = {"query": LOGIN, "variables": {"email": f"nobody{number}@example.com"}}
        answer = (await scaled.http.post(f"{url}/graphql", json=body, headers=headers)).json()
        codes.append(answer["data"]["login"]["code"])
    assert codes == ["UNAUTHENTICATED"] * LOGINS + ["RATE_LIMITED"] * 2


@dataclass
class Load:
    """Reads and orders through the edge while something happens; each order has a key of its own."""

    scaled: Scaled
    asked: int = 0
    failures: list[str] = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    """By key."""

    async def read(self, http: httpx.AsyncClient) -> None:
        answers = [
            await http.post("/graphql", json={"query": READ}),
            await http.get(f"/api/v1/products/{self.scaled.product}"),
            await http.get("/api/v1/users/profile", headers=self.scaled.customer.headers),
        ]
        self.asked += len(answers)
        self.failures += [a.text for a in answers if a.status_code != 200 or "errors" in a.json()]

    async def order(self, http: httpx.AsyncClient, *, attempts: int = 1) -> None:
        """Place one; a request that nobody answered is sent again under its key up to `attempts` times."""
        key = new_id()
        body = {"query": CREATE, "variables": {"product": self.scaled.product, "key": key}}
        for _ in range(attempts):
            answer = await http.post("/graphql", json=body, headers=self.scaled.customer.headers)
            self.asked += 1
            created = (answer.json().get("data") or {}).get("createOrder") or {}
            if "order" in created:
                self.orders[key] = created["order"]["id"]
                return
            await asyncio.sleep(0.2)
        self.failures.append(answer.text)


@asynccontextmanager
async def under_load(scaled: Scaled, *, attempts: int = 1) -> AsyncIterator[Load]:
    load = Load(scaled)
    over = asyncio.Event()

    async def go_on(act: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
        async with httpx.AsyncClient(base_url=scaled.http.base_url, timeout=30) as http:
            while not over.is_set():
                await act(http)
                await asyncio.sleep(0.1)  # bounded: what starts beside it needs the processors, too

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(go_on(load.read))
        for _ in range(2):
            tasks.create_task(go_on(lambda http: load.order(http, attempts=attempts)))
        try:
            yield load
        finally:
            over.set()


async def _judge(load: Load, books: OrderBooks) -> None:
    """Each order that was placed is there once, its events as well, and nothing waits to be told."""
    kept = await books.rows("SELECT key, resource_id FROM idempotency_keys WHERE operation = 'createOrder'")
    known = {row.key: row.resource_id for row in kept}
    assert load.orders
    assert load.orders.items() <= known.items()
    ids = [row.id for row in await books.rows("SELECT id FROM orders")]
    assert set(known.values()) <= set(ids)

    async def told() -> bool:
        return not await books.rows("SELECT 1 FROM outbox WHERE published_at IS NULL")

    await eventually(told)
    for order in load.orders.values():
        await invariants.check_history(books, order)
    await invariants.check_outbox(books)


@pytest.mark.parametrize(
    "services", [("orders", "rest"), pytest.param(("users", "products"), marks=pytest.mark.long)]
)
async def test_services_are_restarted_under_load_without_a_failed_request(
    scaled: Scaled, books: OrderBooks, services: tuple[str, ...]
) -> None:
    before = {name: scaled.now()["children"][name]["processes"] for name in services}
    async with under_load(scaled) as load:
        done = await asyncio.to_thread(scaled.command, "restart", *services)
    assert done.returncode == 0, done.stderr
    for name in services:
        assert done.stdout.count(f"{name}-1 is drained\n") == 1, done.stdout
        assert (f"{name}-2 is back" in done.stdout) == (SCALE[name] == 2)
        assert (f"{name}-2 has taken over" in done.stdout) == (SCALE[name] == 1)
        now = scaled.now()["children"][name]["processes"]
        assert len(now) == SCALE[name]
        assert not {process["pid"] for process in before[name]} & {process["pid"] for process in now}
    assert load.failures == []
    assert load.asked > 50
    await _judge(load, books)


async def test_when_the_relays_leader_is_killed_the_other_takes_over_and_no_event_is_lost_or_told_twice(
    scaled: Scaled, books: OrderBooks
) -> None:
    async with under_load(scaled, attempts=20) as load:
        await asyncio.sleep(1)
        first = await _leader(scaled)
        os.kill(first, signal.SIGKILL)

        async def another() -> bool:
            return await _leader(scaled) not in {0, first}

        await eventually(another)
        await asyncio.sleep(1)
    assert [failure for failure in load.failures if "createOrder" in failure] == []
    await _judge(load, books)


async def _leader(scaled: Scaled) -> int:
    """The process of orders that holds the relay's lock; 0 where none does."""
    connection = await asyncpg.connect(scaled.state["addresses"]["orders_database"])
    try:
        port = await connection.fetchval(
            "SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' "
            "AND a.datname = current_database() AND l.objid = hashtext('outbox_relay')::bigint & 4294967295"
        )
    finally:
        await connection.close()
    return next(_owners(port), 0)


def _owners(port: int | None) -> Iterator[int]:
    for connection in psutil.net_connections("tcp4"):
        if connection.laddr.port == port and connection.pid:
            yield connection.pid


async def test_what_has_no_balancer_is_restarted_only_where_that_is_accepted(scaled: Scaled) -> None:
    refused = scaled.command("restart", "router")
    assert refused.returncode == 2
    assert "invalid choice: 'router'" in refused.stderr

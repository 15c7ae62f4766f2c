"""CPU time a request, in the processes that serve it: steadier than times on a machine that others use, too."""

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from tests.bench import peers
from tests.bench.load import request, requests
from tests.bench.report import Peer, Row, at_most, cpu_time

ENTITIES = 50
# Node compiles what it has run often enough; before, the same request takes twice as much.
_WARM_UP = 1200
_REQUESTS = 800
_ORDERS = 40
_SELLING = ("edge", "router", "apollo", "users", "products", "orders", "postgres", "mongo", "redis")

_USERS = (
    "query($r: [_Any!]!) { _entities(representations: $r) { ... on User { id username active role createdAt "
    "firstName } } }"
)
_PRODUCTS = (
    "query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { id name sku stock active "
    "price { amount currency } } } }"
)
_LIST = "{ products(first: 20) { nodes { id name stock price { amount } category { name } } } }"
_ACROSS = "{ me { username orders { nodes { number status items { quantity product { name stock category { name } } } } } } }"
_CREATE = (
    "mutation($p: ID!) { createOrder(input: {items: [{productId: $p, quantity: 1}]}) "
    "{ ... on CreateOrderSuccess { order { id } } ... on Error { message } } }"
)
_PAY = (
    'mutation($o: ID!) { payOrder(id: $o, input: {token: "tok_ok"}) { __typename ... on Error { message } } }'
)


@dataclass(frozen=True, slots=True)
class _Case:
    """Requests of one kind, the processes whose CPU time counts, and how much of it a request may take."""

    what: str
    url: str
    body: object | None
    processes: Sequence[str]
    goal: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    has_peers: bool = False
    beside: str = ""


async def measure(launch: dict[str, Any], *, connections: int) -> list[Row]:
    """`launch`: the state of a running system."""
    addresses = launch["addresses"]
    async with httpx.AsyncClient(base_url=addresses["edge"], timeout=30) as edge:
        shop = await _Shop.opened(edge)
        selling = {
            name: child["pid"]
            for name, child in launch["children"].items()
            if name in _SELLING and child["pid"]
        }
        before = _cpu(selling)
        create, pay = await shop.order_and_pay()
        rows = [_of_an_order(before, _cpu(selling))]
        with peers.serving() as servers:
            rows += [await _run(case, launch, servers.values(), connections) for case in _cases(launch, shop)]
    beside = "one after the other, through the edge"
    rows.append(at_most("createOrder, median time", create, 14, "ms", beside=beside))
    rows.append(at_most("payOrder, median time", pay, 18, "ms", beside=beside))
    return rows


def _cases(launch: dict[str, Any], shop: "_Shop") -> list[_Case]:
    addresses = launch["addresses"]
    users, products = f"{addresses['users']}/graphql", f"{addresses['products']}/graphql"
    edge, token = addresses["edge"], shop.headers

    def entities(query: str, type_: str, ids: Sequence[str]) -> dict[str, Any]:
        return {"query": query, "variables": {"r": [{"__typename": type_, "id": one} for one in ids]}}

    fifty, one = entities(_USERS, "User", shop.accounts), entities(_USERS, "User", shop.accounts[:1])
    goods = entities(_PRODUCTS, "Product", shop.products)
    read = f"{edge}/api/v1/products/{shop.products[0]}"
    return [
        _Case(f"users: _entities of {ENTITIES}, with a token", users, fifty, ["users"], 0.9, token, True),
        _Case("users: one entity, with a token", users, one, ["users"], 0.5, token, True),
        _Case(
            f"products: _entities of {ENTITIES}, most from the cache",
            products,
            goods,
            ["products"],
            0.9,
            {},
            True,
        ),
        _Case(
            "products: 20 products with categories", products, {"query": _LIST}, ["products"], 1.0, {}, True
        ),
        _Case("REST: one product, the REST layer alone", read, None, ["rest"], 1.0),
        *_through_the_routers(launch, shop),
    ]


def _through_the_routers(launch: dict[str, Any], shop: "_Shop") -> list[_Case]:
    """One small query in the router alone, and the federated query in all processes: a case for each router that runs.

    The edge sends queries to Apollo Router where that was found, and Hive Gateway is asked directly then.
    """
    addresses = launch["addresses"]
    apollo = launch["children"].get("apollo", {}).get("pid") is not None
    hive = (f"{addresses['router'] if apollo else addresses['edge']}/graphql", "router", "Hive Gateway")
    routers = [hive, (f"{addresses['edge']}/graphql", "apollo", "Apollo Router")] if apollo else [hive]
    one, across = {"query": _one(shop)}, {"query": _ACROSS}
    cases = []
    for url, process, name in routers:
        edge = [] if apollo and process == "router" else ["edge"]
        beside = "" if edge else "without the edge"
        cases.append(_Case(f"{name}: one product, the router alone", url, one, [process], 1.0))
        processes = [*edge, process, "users", "products", "orders"]
        what = f"a user's orders, all processes, {name}"
        cases.append(_Case(what, url, across, processes, 7, shop.headers, beside=beside))
    return cases


def _one(shop: "_Shop") -> str:
    return f'{{ product(id: "{shop.products[0]}") {{ name stock }} }}'


async def _run(case: _Case, launch: dict[str, Any], servers: Iterable[peers.Server], connections: int) -> Row:
    content = request(case.url, case.body, case.headers)
    pids = {name: launch["children"][name]["pid"] for name in case.processes}
    shares, failures = await _spent(case.url, content, pids, connections)
    beside = ", ".join(f"{name} {share:.2f}" for name, share in shares.items()) if len(shares) > 1 else ""
    if failures:
        beside = f"{failures} failed; {beside}"
    found = []
    for server in servers if case.has_peers else ():
        spent, refused = await _spent(
            server.url, request(server.url, case.body), {"": server.pid}, connections
        )
        if refused:
            raise RuntimeError(f"{server.name} refused {refused} requests of {case.what!r}")
        found.append(Peer(server.name, spent[""]))
    said = "; ".join(filter(None, (case.beside, beside)))
    return cpu_time(case.what, sum(shares.values()), limit=case.goal, beside=said, peers=tuple(found))


async def _spent(
    url: str, content: bytes, pids: Mapping[str, int], connections: int
) -> tuple[dict[str, float], int]:
    """Milliseconds of CPU time a request, by process, once it is warm; and how many requests failed."""
    await requests(url, content, count=_WARM_UP, connections=connections)
    before = _cpu(pids)
    failures = await requests(url, content, count=_REQUESTS, connections=connections)
    after = _cpu(pids)
    sent = _REQUESTS // connections * connections
    return {name: (after[name] - before[name]) * 1000 / sent for name in pids}, failures


def _of_an_order(before: Mapping[str, float], after: Mapping[str, float]) -> Row:
    shares = {name: (after[name] - before[name]) * 1000 / _ORDERS for name in before}
    beside = ", ".join(f"{name} {share:.1f}" for name, share in shares.items())
    return cpu_time("createOrder and payOrder, all processes", sum(shares.values()), beside=beside)


def _cpu(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds that each process and its children have used."""
    spent = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
        spent[name] = sum(one.user + one.system for one in times)
    return spent


@dataclass(slots=True)
class _Shop:
    """Accounts and products to ask for, and a customer who buys."""

    edge: httpx.AsyncClient
    accounts: list[str]
    products: list[str]
    headers: dict[str, str]

    @classmethod
    async def opened(cls, edge: httpx.AsyncClient) -> "_Shop":
        accounts: list[str] = []
        headers: dict[str, str] = {}
        for n in range(ENTITIES):
            person = {"username": f"cpu{n}", "email": f"cpu{n}@example.com", "password": "a long password"}
            answer = (await edge.post("/api/v1/users/register", json=person)).raise_for_status().json()
            accounts.append(answer["user"]["id"])
            headers = headers or {"authorization": f"Bearer {answer['token']}"}
        listing = {
            "query": f"{{ products(first: {ENTITIES}, sort: NAME, filter: {{inStock: true}}) {{ nodes {{ id }} }} }}"
        }
        nodes = (await edge.post("/graphql", json=listing)).json()["data"]["products"]["nodes"]
        return cls(edge, accounts, [node["id"] for node in nodes], headers)

    async def order_and_pay(self) -> tuple[float, float]:
        """Median milliseconds of an order and of its payment."""
        create, pay = [], []
        for n in range(_ORDERS):
            product = self.products[n % len(self.products)]
            started = time.perf_counter()
            placed = (await self._ask(_CREATE, p=product))["createOrder"]
            create.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            paid = (await self._ask(_PAY, o=placed["order"]["id"]))["payOrder"]
            pay.append((time.perf_counter() - started) * 1000)
            assert paid["__typename"] == "PayOrderSuccess", paid
        return statistics.median(create), statistics.median(pay)

    async def _ask(self, query: str, **variables: str) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        data: dict[str, Any] = (await self.edge.post("/graphql", json=body, headers=self.headers)).json()[
            "data"
        ]
        return data

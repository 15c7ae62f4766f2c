"""CPU time a request, in the processes that serve it: steadier than times on a machine that others use, too."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from tests.bench.load import request, requests
from tests.bench.report import Row, at_most

ENTITIES = 50
_WARM_UP = 100
_REQUESTS = 600
_ORDERS = 40
_SELLING = ("edge", "router", "users", "products", "orders", "postgres", "mongo", "redis")

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


async def measure(launch: dict[str, Any], *, connections: int) -> list[Row]:
    """`launch`: the state of a running system."""
    addresses = launch["addresses"]
    async with httpx.AsyncClient(base_url=addresses["edge"], timeout=30) as edge:
        shop = await _Shop.opened(edge)
        before = _cpu(launch, _SELLING)
        create, pay = await shop.order_and_pay()
        rows = [_of_an_order(before, _cpu(launch, _SELLING))]
        rows += [await _run(case, launch, connections) for case in _cases(addresses, shop)]
    beside = "one after the other, through the edge"
    rows.append(at_most("createOrder, median time", create, 14, "ms", beside=beside))
    rows.append(at_most("payOrder, median time", pay, 18, "ms", beside=beside))
    return rows


def _cases(addresses: dict[str, str], shop: "_Shop") -> list[_Case]:
    users, products = f"{addresses['users']}/graphql", f"{addresses['products']}/graphql"
    edge, token = addresses["edge"], shop.headers

    def entities(query: str, type_: str, ids: Sequence[str]) -> dict[str, Any]:
        return {"query": query, "variables": {"r": [{"__typename": type_, "id": one} for one in ids]}}

    fifty, one = entities(_USERS, "User", shop.accounts), entities(_USERS, "User", shop.accounts[:1])
    goods = entities(_PRODUCTS, "Product", shop.products)
    read = f"{edge}/api/v1/products/{shop.products[0]}"
    everything = ("edge", "router", "users", "products", "orders")
    return [
        _Case(f"users: _entities of {ENTITIES}, with a token", users, fifty, ["users"], 0.9, token),
        _Case("users: one entity, with a token", users, one, ["users"], 0.5, token),
        _Case(f"products: _entities of {ENTITIES}, most from the cache", products, goods, ["products"], 0.9),
        _Case("products: 20 products with categories", products, {"query": _LIST}, ["products"], 1.0),
        _Case("router: one product", f"{edge}/graphql", {"query": _one(shop)}, ["router"], 1.0),
        _Case("REST: one product, the REST layer alone", read, None, ["rest"], 1.0),
        _Case(
            "a user's orders with products, all processes",
            f"{edge}/graphql",
            {"query": _ACROSS},
            everything,
            7,
            token,
        ),
    ]


def _one(shop: "_Shop") -> str:
    return f'{{ product(id: "{shop.products[0]}") {{ name stock }} }}'


async def _run(case: _Case, launch: dict[str, Any], connections: int) -> Row:
    content = request(case.url, case.body, case.headers)
    await requests(case.url, content, count=_WARM_UP, connections=connections)
    before = _cpu(launch, case.processes)
    failures = await requests(case.url, content, count=_REQUESTS, connections=connections)
    spent = _cpu(launch, case.processes)
    shares = {name: (spent[name] - before[name]) * 1000 / _REQUESTS for name in case.processes}
    beside = ", ".join(f"{name} {share:.2f}" for name, share in shares.items()) if len(shares) > 1 else ""
    if failures:
        beside = f"{failures} failed; {beside}"
    total = sum(shares.values())
    within = None if case.goal is None else total <= case.goal
    budget = "" if case.goal is None else f"≤ {case.goal:g} ms"
    return Row(f"{case.what}", f"{total:.2f} ms CPU", beside, budget, within)


def _of_an_order(before: Mapping[str, float], after: Mapping[str, float]) -> Row:
    shares = {name: (after[name] - before[name]) * 1000 / _ORDERS for name in before}
    beside = ", ".join(f"{name} {share:.1f}" for name, share in shares.items())
    return Row("createOrder and payOrder, all processes", f"{sum(shares.values()):.1f} ms CPU", beside)


def _cpu(launch: dict[str, Any], names: Sequence[str]) -> dict[str, float]:
    """Seconds that each process and its children have used."""
    spent = {}
    for name in names:
        process = psutil.Process(launch["children"][name]["pid"])
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

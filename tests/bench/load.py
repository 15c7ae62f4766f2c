"""Bounded loads on the running system, each beside a bare answer of the same process."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from tests.bench.report import Row
from tests.harness import launcher

_ENTITIES = 50


@dataclass(frozen=True, slots=True)
class Result:
    per_second: float
    median_ms: float
    p99_ms: float
    failures: int


async def measure(addresses: dict[str, str], *, seconds: float, connections: int) -> list[Row]:
    edge, products = addresses["edge"], addresses["products"]
    async with httpx.AsyncClient(timeout=30) as client:
        listing = "{ products(first: 50) { nodes { id } } }"
        nodes = (await client.post(f"{edge}/graphql", json={"query": listing})).json()["data"]["products"][
            "nodes"
        ]
    representations = [{"__typename": "Product", "id": node["id"]} for node in nodes[:_ENTITIES]]
    entities = {
        "query": "query($r: [_Any!]!) { _entities(representations: $r) { ... on Product "
        "{ id name sku stock active price { amount currency } } } }",
        "variables": {"r": representations},
    }
    catalogue = {
        "query": "{ products(first: 20) { nodes { id name stock price { amount } category { name } } } }"
    }

    async def run(url: str, body: object | None = None) -> Result:
        return await _load(url, body, seconds=seconds, connections=connections)

    bare = await run(f"{products}/health")
    rows = [Row("products: bare answer (/health)", _rate(bare), _latency(bare))]
    batch = await run(f"{products}/graphql", entities)
    rows.append(Row(f"products: _entities of {_ENTITIES}, live store", _rate(batch), _beside(batch, bare)))
    edge_bare = await run(f"{edge}/health")
    rows.append(Row("edge: bare answer (/health)", _rate(edge_bare), _latency(edge_bare)))
    one = await run(f"{edge}/graphql", {"query": "{ __typename }"})
    rows.append(Row("edge + router: { __typename }", _rate(one), _beside(one, edge_bare)))
    query = await run(f"{edge}/graphql", catalogue)
    rows.append(Row("edge + router + products: 20 products", _rate(query), _beside(query, edge_bare)))
    rest = await run(f"{edge}/api/v1/products?limit=20")
    rows.append(Row("edge + REST + router + products: 20 products", _rate(rest), _beside(rest, query)))
    return rows


def _rate(result: Result) -> str:
    failed = f" ({result.failures} failed)" if result.failures else ""
    return f"{result.per_second:,.0f}/s{failed}"


def _latency(result: Result) -> str:
    return f"median {result.median_ms:.1f} ms, p99 {result.p99_ms:.1f} ms"


def _beside(result: Result, yardstick: Result) -> str:
    return f"{_latency(result)}; {result.per_second / yardstick.per_second:.3f} of the one above"


async def _load(url: str, body: object | None, *, seconds: float, connections: int) -> Result:
    """Requests over `connections` keep-alive connections until `seconds` are over."""
    content = request(url, body)
    deadline = time.perf_counter() + seconds
    samples: list[float] = []
    failures = 0

    async def connection() -> None:
        nonlocal failures
        async with _connected(url) as ask:
            while time.perf_counter() < deadline:
                started = time.perf_counter()
                failures += await ask(content) != httpx.codes.OK
                samples.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    elapsed = time.perf_counter() - started
    cuts: Any = statistics.quantiles(samples, n=100)
    return Result(len(samples) / elapsed, statistics.median(samples), cuts[98], failures)


async def requests(url: str, content: bytes, *, count: int, connections: int) -> int:
    """Send `content` about `count` times over `connections` connections; how many were not answered 200."""
    failures = 0

    async def connection() -> None:
        nonlocal failures
        async with _connected(url) as ask:
            for _ in range(count // connections):
                failures += await ask(content) != httpx.codes.OK

    await asyncio.gather(*(connection() for _ in range(connections)))
    return failures


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Callable[[bytes], Awaitable[int]]]:
    """Sends a request over one connection and reads the status of its answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)

    async def ask(content: bytes) -> int:
        writer.write(content)
        return await _answer(reader)

    try:
        yield ask
    finally:
        writer.close()


def request(url: str, body: object | None, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as it is sent: a POST of `body` as JSON, or a GET where there is none."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    content = b"" if body is None else orjson.dumps(body)
    sent = {"host": parts.netloc, **(headers or {})}
    if body is not None:
        sent |= {"content-type": "application/json", "content-length": str(len(content))}
        sent |= launcher.AS_THE_ROUTER
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read one answer of known or chunked length; its status. A client library would be the bottleneck."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
    return status

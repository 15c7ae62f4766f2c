"""The executor alone: 50 entities of 6 scalars from memory, in CPU time of one process, beside Node's.

The peers are installed from npm into a cache folder of the user, by this module and by nothing else.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import strawberry
from graphql import execute, parse
from strawberry.federation import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from subgraphs.kit.graphql.execution.strawberry import executor_class
from tests.bench.report import Row

PEERS = {"@apollo/server": "5", "mercurius": "16", "fastify": "5", "graphql": "16"}
QUERY = "{ products { id sku name currency stock active } }"
SECONDS = 2.0


@strawberry.type
class _Product:
    id: strawberry.ID
    sku: str
    name: str
    currency: str
    stock: int
    active: bool


_PRODUCTS = [
    _Product(
        id=strawberry.ID(f"p{n}"), sku=f"SKU-{n}", name=f"Product {n}", currency="EUR", stock=n, active=True
    )
    for n in range(50)
]


@strawberry.type
class _Query:
    @strawberry.field
    async def products(self) -> list[_Product]:
        return _PRODUCTS


# What Apollo Server and Mercurius are asked in their own processes, without HTTP.
_NODE = """

const [which, query, seconds] = process.argv.slice(2);
const typeDefs = `type Query { products: [Product!]! }
type Product { id: ID! sku: String! name: String! currency: String! stock: Int! active: Boolean! }`;
const products = Array.from({ length: 50 }, (_, n) => ({ id: `p${n}`, sku: `SKU-${n}`, name: `Product ${n}`,
  currency: 'EUR', stock: n, active: true }));
const resolvers = { Query: { products: async () => products } };
let once;
if (which === 'apollo') {
  const { ApolloServer } = await import('@apollo/server');
  const server = new ApolloServer({ typeDefs, resolvers });
  await server.start();
  once = async () => JSON.stringify((await server.executeOperation({ query })).body.singleResult);
} else {
  const fastify = (await import('fastify')).default();
  fastify.register((await import('mercurius')).default, { schema: typeDefs, resolvers, jit: 1 });
  await fastify.ready();
  once = async () => JSON.stringify(await fastify.graphql(query));
}
if (JSON.parse(await once()).data.products.length !== 50) throw new Error('a wrong answer');
for (let n = 0; n < 3000; n++) await once();
const start = process.cpuUsage();
const end = Date.now() + 1000 * seconds;
let count = 0;
for (; Date.now() < end; count++) await once();
const used = process.cpuUsage(start);
console.log((used.user + used.system) / count);
"""


def measure() -> list[Row]:
    schema = Schema(query=_Query)._schema
    document = parse(QUERY)

    def run(executor: type[Any]) -> Callable[[], Any]:
        return lambda: execute(schema, document, executor_class=executor)

    ours = asyncio.run(_cpu(run(executor_class())))
    core = asyncio.run(_cpu(run(StrawberryGraphQLCoreExecutionContext)))
    rows = [Row("executor, 50 x 6: compiled", f"{ours:,.0f} µs CPU"), _beside("graphql-core", core, ours)]
    folder = _peers()
    if folder is None:
        return [*rows, Row("executor, 50 x 6: Node's", "not measured", "npm cannot be run")]
    rows.append(_beside("Apollo Server", _node(folder, "apollo"), ours, goal=5))
    rows.append(_beside("Mercurius + JIT", _node(folder, "mercurius"), ours, goal=1))
    return rows


def _beside(name: str, microseconds: float, ours: float, *, goal: float | None = None) -> Row:
    ratio = microseconds / ours
    budget = "" if goal is None else f"≥ {goal:g} x"
    within = None if goal is None else ratio >= goal
    return Row(
        f"executor, 50 x 6: {name}", f"{microseconds:,.0f} µs CPU", f"{ratio:.2f} x ours", budget, within
    )


async def _cpu(run: Callable[[], Any]) -> float:
    """CPU microseconds of one execution with its answer as JSON."""
    for _ in range(200):
        assert len((await run()).data["products"]) == 50
    end, count, start = time.monotonic() + SECONDS, 0, time.process_time()
    while time.monotonic() < end:
        orjson.dumps({"data": (await run()).data})
        count += 1
    return (time.process_time() - start) / count * 1e6


def _peers() -> Path | None:
    """The folder with the peers installed; None where npm cannot do it."""
    npm = shutil.which("npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "supergraph-bench"
    if npm is None:
        return None
    if not (cache / "node_modules" / "mercurius").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        packages = [f"{name}@{version}" for name, version in PEERS.items()]
        command = [npm, "install", "--prefix", str(cache), "--no-audit", "--no-fund", *packages]
        if subprocess.run(command, cwd=cache, check=False, capture_output=True).returncode:
            return None
    (cache / "peer.mjs").write_text(_NODE)
    return cache


def _node(folder: Path, which: str) -> float:
    """CPU microseconds of one execution in Node."""
    command = ["node", "peer.mjs", which, QUERY, str(SECONDS)]
    return float(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)

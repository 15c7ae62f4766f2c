"""The executor alone: 50 entities of 6 scalars from memory, in CPU time of one process, beside Node's."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import strawberry
from graphql import execute, parse
from strawberry.federation import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from subgraphs.kit.graphql.execution.strawberry import executor_class
from tests.bench import peers
from tests.bench.report import Peer, Row

QUERY = "{ products { id sku name currency stock active } }"
SECONDS = 2.0
_GOALS = {"Apollo Server": 5, "Mercurius + JIT": 1}
"""How many times as much each should take."""


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


def measure() -> list[Row]:
    schema = Schema(query=_Query)._schema
    document = parse(QUERY)

    def run(executor: type[Any]) -> Callable[[], Any]:
        return lambda: execute(schema, document, executor_class=executor)

    ours = asyncio.run(_cpu(run(executor_class())))
    found = [Peer("graphql-core", asyncio.run(_cpu(run(StrawberryGraphQLCoreExecutionContext))))]
    folder = peers.installed()
    if folder is not None:
        for which, name in peers.NAMES.items():
            found.append(Peer(name, peers.execution(folder, which, QUERY, SECONDS)))
    ratios = {peer.name: peer.value / ours for peer in found}
    within = all(ratios[name] >= least for name, least in _GOALS.items()) if folder is not None else None
    return [
        Row(
            what="executor alone, 50 entities x 6 scalars",
            measured=f"{ours:,.0f} µs CPU",
            beside="" if folder is not None else "npm cannot be run, so Node's are not measured",
            budget=", ".join(f"≥ {least:g} x {name}" for name, least in _GOALS.items()),
            within=within,
            value=ours,
            unit="µs CPU",
            peers=tuple(found),
        )
    ]


async def _cpu(run: Callable[[], Any]) -> float:
    """CPU microseconds of one execution with its answer as JSON."""
    for _ in range(200):
        assert len((await run()).data["products"]) == 50
    end, count, start = time.monotonic() + SECONDS, 0, time.process_time()
    while time.monotonic() < end:
        orjson.dumps({"data": (await run()).data})
        count += 1
    return (time.process_time() - start) / count * 1e6

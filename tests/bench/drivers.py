"""The two asynchronous drivers of MongoDB side by side: Motor, which has threads, and PyMongo's own, which has none."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from pymongo import AsyncMongoClient

from subgraphs.kit.mongo.client import Document, Mongo
from subgraphs.kit.settings import DatabaseSettings
from tests.bench.report import Peer, Row, cpu_time

_DATABASE = "bench_drivers"
_CALLERS = 16
_READS = 25  # of each caller in each round
_ROUNDS = 5  # the best one counts

_Read = Callable[[int], Awaitable[int]]


async def measure(url: str) -> list[Row]:
    """CPU time of this process a query, in a database of its own on the server of `url`, dropped afterwards."""
    url = urlsplit(url)._replace(path=f"/{_DATABASE}").geturl()
    mongo = Mongo(DatabaseSettings(url=url, pool_size=_CALLERS), application="bench")
    other: AsyncMongoClient[Document] = AsyncMongoClient(url, tz_aware=True, maxPoolSize=_CALLERS)
    most = 50
    documents = [
        {"_id": str(n), "name": f"product {n}", "price_minor": n, "tags": ["a", "b"]} for n in range(most)
    ]

    def query(count: int) -> Document:
        return {"_id": {"$in": [str(n) for n in range(count)]}}

    async def by_motor(count: int) -> int:
        cursor = mongo.database["products"].find(query(count), batch_size=count + 1)
        return len(await cursor.to_list(None))

    async def by_pymongo(count: int) -> int:
        cursor = other[_DATABASE]["products"].find(query(count), batch_size=count + 1)
        return len(await cursor.to_list(None))

    try:
        await other.drop_database(_DATABASE)
        await mongo.database["products"].insert_many(documents)
        rows = []
        for count in (1, most):
            rounds = [
                (await _spent(by_motor, count), await _spent(by_pymongo, count)) for _ in range(_ROUNDS)
            ]
            motor, pymongo = (min(times) for times in zip(*rounds, strict=True))
            peer = Peer("PyMongo, asynchronous", pymongo)
            rows.append(cpu_time(f"a query for {count} documents, Motor", motor, peers=(peer,)))
        return rows
    finally:
        await other.drop_database(_DATABASE)
        await other.close()
        mongo.close()


async def _spent(read: _Read, count: int) -> float:
    """Milliseconds of CPU time a read; every one must find `count` documents."""

    async def caller() -> None:
        for _ in range(_READS):
            found = await read(count)
            if found != count:
                raise RuntimeError(f"{found} documents of {count} were found")

    began = time.process_time()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return (time.process_time() - began) * 1000 / (_CALLERS * _READS)

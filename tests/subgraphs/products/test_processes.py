"""Stock with several processes at it, and with one that is killed."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import grpc
import orjson
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto.inventory_pb2_grpc import InventoryStub
from subgraphs.kit.grpc.client import create_channel
from tests.harness.launcher import ROOT
from tests.subgraphs.products.buyers import AT_ONCE

TOKEN = secrets.token_urlsafe(32)

PROCESSES, BUYERS, UNITS = 4, 500, 50


@pytest.fixture
def url(engines, database) -> str:
    return engines.mongo.rpartition("/")[0] + f"/{database.name}"


async def test_five_hundred_buyers_in_four_processes_hold_each_of_fifty_units_once(url, make, stock) -> None:
    mug = await make(stock=UNITS)
    each = BUYERS // PROCESSES
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.subgraphs.products.buyers"),
            *(url, mug.id, str(number * each), str(each)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    answers = asyncio.gather(*(process.communicate() for process in running))
    while not answers.done():
        available, held = await stock.of(mug)
        assert 0 <= available == UNITS - sum(held.values())
        await asyncio.sleep(0.01)
    outcomes = sum((Counter(orjson.loads(out)) for out, _ in await answers), Counter())
    assert outcomes == {"Held": UNITS, "Shortage": BUYERS - UNITS}
    assert each > AT_ONCE
    available, held = await stock.of(mug)
    assert (available, len(held), set(held.values())) == (0, UNITS, {1})
    states = Counter([d["state"] async for d in stock.database["reservations"].find({"state": "HELD"})])
    assert states == {"HELD": UNITS}


async def both_ways(stock, make, orders: int) -> None:
    """Orders for the same two products, named in either order, that are released or sold at once."""
    first, second = await make(stock=orders), await make(stock=orders)
    turns = asyncio.Semaphore(20)

    async def order(number: int) -> None:
        async with turns:
            lines = ((first, 1), (second, 1))
            name = f"both-{number}"
            await stock.reserve(name, *(lines if number % 2 else reversed(lines)))
            await (stock.inventory.commit if number % 4 < 2 else stock.inventory.release)(name)

    await asyncio.gather(*(order(number) for number in range(orders)))
    assert [await stock.of(product) for product in (first, second)] == [(orders // 2, {})] * 2
    left = stock.database["reservations"].count_documents({"state": {"$nin": ["COMMITTED", "RELEASED"]}})
    assert await left == 0


async def test_two_products_in_either_order_leave_no_hold(stock, make) -> None:
    await both_ways(stock, make, 100)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_two_products_in_either_order_a_thousand_times_leave_no_hold(stock, make) -> None:
    await both_ways(stock, make, 1000)


@contextmanager
def serving(url: str, redis_url: str, grpc_port: int):
    """The service as a process of its own, which is killed at the end, as a machine that fails would."""
    env = {
        "PRODUCTS_DATABASE_URL": url,
        "PRODUCTS_REDIS_URL": redis_url,
        "PRODUCTS_SERVER_PORT": str(Ports().free()),
        "PRODUCTS_SERVER_GRPC_PORT": str(grpc_port),
        "PRODUCTS_SERVICES_TOKEN": TOKEN,
        "PRODUCTS_SERVICES_USERS": "http://127.0.0.1:9",
        "PRODUCTS_LOGGING_LEVEL": "warning",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "subgraphs.products", "serve"], cwd=ROOT, env={**os.environ, **env}
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def answers(channel: grpc.aio.Channel) -> None:
    """Return once the service serves."""
    stub = health_pb2_grpc.HealthStub(channel)
    deadline = time.monotonic() + 30
    while True:
        try:
            await stub.Check(health_pb2.HealthCheckRequest())
        except grpc.aio.AioRpcError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            return


async def test_expired_hold_comes_back_in_time_though_the_sweeper_was_killed(
    url, engines, make, stock
) -> None:
    mug = await make(stock=5)
    grpc_port = Ports().free()
    expires_at = Timestamp()
    async with create_channel(f"127.0.0.1:{grpc_port}", token=TOKEN) as channel:
        with serving(url, engines.redis_url, grpc_port):
            await answers(channel)
            expiry = datetime.now(UTC) + timedelta(seconds=2)
            expires_at.FromDatetime(expiry)
            line = pb.Line(product_id=mug.id, quantity=2)
            request = pb.ReserveRequest(order_id="killed", lines=[line], expires_at=expires_at)
            assert (await InventoryStub(channel).Reserve(request)).WhichOneof("outcome") == "held"
        assert await stock.of(mug) == (3, {"killed": 2})
        with serving(url, engines.redis_url, grpc_port):
            while (await stock.of(mug))[0] != 5:
                assert datetime.now(UTC) < expiry + timedelta(seconds=10)
                await asyncio.sleep(0.05)
    assert datetime.now(UTC) > expiry
    assert await stock.of(mug) == (5, {})

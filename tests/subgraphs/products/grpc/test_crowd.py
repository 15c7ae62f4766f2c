"""A crowd at a product that sells out, on a store that is slow."""

import asyncio
import time
from collections import Counter

import pytest
from pymongo import monitoring

from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto.inventory_pb2_grpc import InventoryStub
from subgraphs.kit.background import WakeUp
from subgraphs.kit.grpc.client import DEADLINE, create_channel
from subgraphs.kit.grpc.server import start_server
from subgraphs.kit.mongo.client import Mongo
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.products.app import build_services
from subgraphs.products.grpc import server as inventory_server
from subgraphs.products.settings import ImageSettings, StockSettings
from tests.subgraphs.products.grpc.test_server import TOKEN, reserve
from tests.subgraphs.products.mongo_commands import SentCommands

UNITS, BUYERS, AT_ONCE = 50, 300, 40
OPERATION = 0.010


class SlowServer(monitoring.CommandListener):
    """Makes each command take at least 10 ms, in the thread of the driver that sends it."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:  # noqa: ARG002 - pymongo's signature
        time.sleep(OPERATION)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture
def sent() -> SentCommands:
    return SentCommands()


@pytest.fixture
async def stub(engines, database, sent):
    """The stock of the same database, behind a slow connection."""
    address = engines.mongo.rpartition("/")[0] + f"/{database.name}"
    mongo = Mongo(DatabaseSettings(url=address), application="crowd", listeners=(SlowServer(), sent))
    services = build_services(
        mongo.database, settings=StockSettings(), images=ImageSettings(), wake_up=WakeUp()
    )
    address = f"127.0.0.1:{Ports().free()}"
    register = inventory_server.registration(services.inventory)
    server = await start_server(
        address=address, token=TOKEN, services=[inventory_server.SERVICE], register=register
    )
    async with create_channel(address, token=TOKEN) as channel:
        yield InventoryStub(channel)
    await server.stop(None)
    mongo.close()


async def test_each_of_a_crowd_is_answered_in_time_and_no_unit_is_held_twice(stub, make, stock) -> None:
    mug = await make(stock=UNITS)
    turns = asyncio.Semaphore(AT_ONCE)

    async def buy(number: int) -> tuple[str, float]:
        async with turns:
            started = time.monotonic()
            reply = await reserve(stub, f"crowd-{number}", (mug.id, 1))
            return reply.WhichOneof("outcome"), time.monotonic() - started

    answers = await asyncio.gather(*(buy(n) for n in range(BUYERS)))
    assert Counter(outcome for outcome, _ in answers) == {"held": UNITS, "shortage": BUYERS - UNITS}
    assert max(seconds for _, seconds in answers) < DEADLINE
    available, held = await stock.of(mug)
    assert (available, len(held), sum(held.values())) == (0, UNITS, UNITS)


async def test_sold_out_is_told_without_a_write(stub, make, sent, database) -> None:
    mug = await make(stock=0)
    sent.sent.clear()
    reply = await reserve(stub, "late", (mug.id, 1))
    assert reply.shortage == pb.Shortage(product_id=mug.id, requested=1, available=0)
    assert sent.sent == ["find", "find", "find"]
    assert await database["reservations"].find_one({"_id": "late"}) is None

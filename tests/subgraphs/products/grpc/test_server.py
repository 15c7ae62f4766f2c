"""The gRPC contract through a real channel."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto.inventory_pb2_grpc import InventoryStub
from subgraphs.kit.background import WakeUp
from subgraphs.kit.grpc.client import create_channel
from subgraphs.kit.grpc.server import start_server
from subgraphs.products.app import build_services
from subgraphs.products.grpc import server as inventory_server
from subgraphs.products.settings import ImageSettings, StockSettings

TOKEN = "between services"


@pytest.fixture(scope="module")
async def address(services):
    address = f"127.0.0.1:{Ports().free()}"
    server = await start_server(
        address=address,
        token=TOKEN,
        services=[inventory_server.SERVICE],
        register=inventory_server.registration(services.inventory),
    )
    yield address
    await server.stop(None)


@pytest.fixture(scope="module")
async def stub(address):
    async with create_channel(address, token=TOKEN) as channel:
        yield InventoryStub(channel)


def at(minutes: float = 15) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(minutes=minutes))
    return stamp


async def reserve(stub, order: str, *lines: tuple[str, int]) -> pb.ReserveReply:
    request = pb.ReserveRequest(
        order_id=order, lines=[pb.Line(product_id=p, quantity=q) for p, q in lines], expires_at=at()
    )
    return await stub.Reserve(request)


async def test_an_order_through_its_whole_life(stub, make) -> None:
    mug = await make("Mug", stock=5, sku="RPC-1")
    hold = pb.HoldRequest(order_id="life")
    reply = await reserve(stub, "life", (mug.id, 1), (mug.id, 2))
    assert reply.WhichOneof("outcome") == "held"
    (item,) = reply.held.items
    assert (item.product_id, item.quantity, item.name, item.sku) == (mug.id, 3, "Mug", "RPC-1")
    assert (item.price_minor, item.currency) == (1250, "USD")
    assert reply.held.expires_at.ToDatetime(tzinfo=UTC) > datetime.now(UTC)
    assert (await stub.Pin(hold)).state == pb.PINNED
    assert (await stub.Unpin(pb.UnpinRequest(order_id="life", expires_at=at()))).state == pb.HELD
    assert (await stub.Commit(hold)).state == pb.COMMITTED
    assert (await stub.Release(hold)).state == pb.COMMITTED
    assert (await stub.Restock(hold)).state == pb.RESTOCKED
    assert (await stub.Restock(hold)).state == pb.RESTOCKED


async def test_product_with_too_many_holds_is_an_outcome(make, database) -> None:
    mug = await make(stock=5)
    few = build_services(
        database, settings=StockSettings(max_holds=1), images=ImageSettings(), wake_up=WakeUp()
    )
    servicer = inventory_server.InventoryServicer(few.inventory)
    requests = [
        pb.ReserveRequest(
            order_id=f"few-{n}", lines=[pb.Line(product_id=mug.id, quantity=1)], expires_at=at()
        )
        for n in range(2)
    ]
    first, second = [await servicer.Reserve(request, None) for request in requests]
    assert (first.WhichOneof("outcome"), second) == ("held", pb.ReserveReply(busy=pb.Busy(product_id=mug.id)))


async def test_refusals_are_outcomes(stub, make) -> None:
    mug = await make(stock=1)
    short = await reserve(stub, "short", (mug.id, 2))
    assert (short.shortage.product_id, short.shortage.requested, short.shortage.available) == (mug.id, 2, 1)
    unknown = await reserve(stub, "unknown", (mug.id, 1), ("nothing", 1))
    assert list(unknown.unknown.product_ids) == ["nothing"]
    assert (await stub.Release(pb.HoldRequest(order_id="early"))).state == pb.RELEASED
    assert (await reserve(stub, "early", (mug.id, 1))).WhichOneof("outcome") == "gone"
    assert (await stub.Commit(pb.HoldRequest(order_id="never"))).state == pb.ABSENT


@pytest.mark.parametrize(
    "request_",
    [
        pb.ReserveRequest(order_id="", lines=[pb.Line(product_id="p", quantity=1)], expires_at=at()),
        pb.ReserveRequest(order_id="bad", expires_at=at()),
        pb.ReserveRequest(order_id="bad", lines=[pb.Line(product_id="p", quantity=0)], expires_at=at()),
        pb.ReserveRequest(order_id="bad", lines=[pb.Line(product_id="p", quantity=-1)], expires_at=at()),
        pb.ReserveRequest(order_id="bad", lines=[pb.Line(quantity=1)], expires_at=at()),
        pb.ReserveRequest(order_id="bad", lines=[pb.Line(product_id="p", quantity=1)]),
        pb.ReserveRequest(
            order_id="bad",
            lines=[pb.Line(product_id="p", quantity=1)],
            expires_at=Timestamp(seconds=2**62),
        ),
        pb.ReserveRequest(order_id="bad", lines=[pb.Line(product_id="p" * 101, quantity=1)], expires_at=at()),
        pb.ReserveRequest(
            order_id="bad", lines=[pb.Line(product_id="p", quantity=1)], expires_at=at(minutes=8 * 24 * 60)
        ),
    ],
)
async def test_malformed_request_is_an_invalid_argument(stub, database, request_) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.Reserve(request_)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await database["reservations"].find_one({"_id": "bad"}) is None


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_caller_without_the_token_is_refused_and_nothing_taken(address, make, database, token) -> None:
    mug = await make(stock=5)
    async with create_channel(address, token=token) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await reserve(InventoryStub(channel), "thief", (mug.id, 1))
    assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert (await database["products"].find_one({"_id": mug.id}))["available"] == 5


async def test_health_is_open_and_names_the_service(address) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        reply = await stub.Check(health_pb2.HealthCheckRequest(service="inventory.Inventory"))
    assert reply.status == health_pb2.HealthCheckResponse.SERVING

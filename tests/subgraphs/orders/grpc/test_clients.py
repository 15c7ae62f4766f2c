"""The client of the stock service: what it makes of answers that it does not expect."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto import inventory_pb2_grpc as pb_grpc
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.grpc.client import create_channel
from subgraphs.kit.grpc.server import start_server
from subgraphs.kit.ids import new_id
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import OrderLine
from subgraphs.orders.grpc import clients
from subgraphs.orders.grpc.clients import GrpcInventory
from subgraphs.orders.ports.inventory import Held, HoldState, TooManyHolds

ORDER = OrderId(new_id())
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Servicer(pb_grpc.InventoryServicer):
    """Answers with what the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.reserve_reply = pb.ReserveReply()
        self.state = pb.HOLD_STATE_UNSPECIFIED
        self.status: grpc.StatusCode | None = None
        self.requests: list[Any] = []

    async def _answer(self, request: Any, context: Any, reply: Any) -> Any:
        self.requests.append(request)
        if self.status is not None:
            await context.abort(self.status, "details")
        return reply

    async def Reserve(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, self.reserve_reply)

    async def Pin(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._answer(request, context, pb.HoldReply(state=self.state))

    Commit = Release = Restock = Unpin = Pin


@pytest.fixture
async def servicer() -> Servicer:
    return Servicer()


@pytest.fixture
async def inventory(servicer: Servicer) -> AsyncIterator[GrpcInventory]:
    address = f"127.0.0.1:{Ports().free()}"
    server = await start_server(
        address=address,
        token="t",
        services=["inventory.Inventory"],
        register=lambda s: pb_grpc.add_InventoryServicer_to_server(servicer, s),
    )
    async with create_channel(address, token="t") as channel:
        yield GrpcInventory(channel)
    await server.stop(None)


@pytest.mark.parametrize("state", list(HoldState))
@pytest.mark.parametrize("call", ["pin", "commit", "release", "restock"])
async def test_each_state_of_a_hold_is_known(
    inventory: GrpcInventory, servicer: Servicer, call: str, state: HoldState
):
    servicer.state = pb.HoldState.Value(state.name)
    assert await getattr(inventory, call)(ORDER) is state
    assert servicer.requests == [pb.HoldRequest(order_id=ORDER)]


async def test_what_is_sent_is_what_was_asked_for(inventory: GrpcInventory, servicer: Servicer):
    product = ProductId(new_id())
    item = pb.Item(product_id=product, name="Lamp", sku="L", price_minor=2**40, currency="USD")
    servicer.reserve_reply = pb.ReserveReply(held=pb.Held(items=[item]))
    held = await inventory.reserve(ORDER, [OrderLine(product, 3)], expires_at=AT)
    assert isinstance(held, Held)
    assert [(s.product_id, s.name, s.sku, s.price.minor, s.price.currency) for s in held.items] == [
        (product, "Lamp", "L", 2**40, "USD")
    ]
    servicer.state = pb.HELD
    await inventory.unpin(ORDER, expires_at=AT)
    reserve, unpin = servicer.requests
    assert (reserve.order_id, [(x.product_id, x.quantity) for x in reserve.lines]) == (ORDER, [(product, 3)])
    assert reserve.expires_at.ToDatetime(tzinfo=UTC) == unpin.expires_at.ToDatetime(tzinfo=UTC) == AT


async def test_too_many_holds_is_an_outcome(inventory: GrpcInventory, servicer: Servicer):
    product = ProductId(new_id())
    servicer.reserve_reply = pb.ReserveReply(busy=pb.Busy(product_id=product))
    outcome = await inventory.reserve(ORDER, [OrderLine(product, 1)], expires_at=AT)
    assert outcome == TooManyHolds(product)


async def test_an_answer_that_is_not_known_here_means_that_nothing_is_known(inventory: GrpcInventory):
    with pytest.raises(Unavailable, match="outcome that is not known here"):
        await inventory.reserve(ORDER, [OrderLine(ProductId(new_id()), 1)], expires_at=AT)
    with pytest.raises(Unavailable, match="state that is not known here"):
        await inventory.pin(ORDER)


@pytest.mark.parametrize(
    ("status", "noticed"),
    [
        (grpc.StatusCode.UNAVAILABLE, False),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, False),
        (grpc.StatusCode.INVALID_ARGUMENT, True),
        (grpc.StatusCode.UNAUTHENTICATED, True),
        (grpc.StatusCode.INTERNAL, True),
    ],
)
async def test_a_failed_call_is_unavailable_and_one_that_waiting_does_not_mend_is_an_error_in_the_log(
    inventory: GrpcInventory,
    servicer: Servicer,
    monkeypatch: pytest.MonkeyPatch,
    status: grpc.StatusCode,
    noticed: bool,  # noqa: FBT001 - a row of the table
):
    logged: list[str] = []
    monkeypatch.setattr(clients.log, "error", lambda _, **fields: logged.append(fields["status"]))
    servicer.status = status
    with pytest.raises(Unavailable) as failed:
        await inventory.pin(ORDER)
    assert "details" not in failed.value.message
    assert logged == ([status.name] if noticed else [])

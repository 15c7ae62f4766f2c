"""What every gRPC contract of ours gets: statuses, deadlines, retries, context."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import structlog

from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto import inventory_pb2_grpc as pb_grpc
from subgraphs.kit.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    RateLimited,
    StartError,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from subgraphs.kit.grpc import client as grpc_client
from subgraphs.kit.grpc.client import create_channel
from subgraphs.kit.grpc.server import start_server

Answer = Callable[[], Awaitable[pb.HoldReply]]


class Servicer(pb_grpc.InventoryServicer):
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: list[Answer] = []

    async def Pin(self, _: pb.HoldRequest, __: Any) -> pb.HoldReply:  # noqa: N802
        self.calls.append(structlog.contextvars.get_contextvars())
        answer = self.answers.pop(0) if self.answers else well
        return await answer()


async def well() -> pb.HoldReply:
    return pb.HoldReply(state=pb.PINNED)


def failing(error: Exception) -> Answer:
    async def answer() -> pb.HoldReply:
        raise error

    return answer


@asynccontextmanager
async def serving(servicer: Servicer, port: int) -> AsyncIterator[None]:
    server = await start_server(
        address=f"127.0.0.1:{port}",
        token="secret",
        services=["inventory.Inventory"],
        register=lambda s: pb_grpc.add_InventoryServicer_to_server(servicer, s),
    )
    try:
        yield
    finally:
        await server.stop(None)


@pytest.fixture
def port() -> int:
    return Ports().free()


@pytest.fixture
async def servicer(port: int) -> AsyncIterator[Servicer]:
    servicer = Servicer()
    async with serving(servicer, port):
        yield servicer


@pytest.fixture
async def pin(port: int) -> AsyncIterator[Callable[[], Awaitable[pb.HoldReply]]]:
    async with create_channel(f"127.0.0.1:{port}", token="secret") as channel:
        stub = pb_grpc.InventoryStub(channel)
        yield lambda: stub.Pin(pb.HoldRequest(order_id="o"))


async def _status(pin: Answer) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await pin()
    return failed.value.code(), failed.value.details() or ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValidationFailed("m"), grpc.StatusCode.INVALID_ARGUMENT),
        (NotFound("m"), grpc.StatusCode.NOT_FOUND),
        (Conflict("m"), grpc.StatusCode.FAILED_PRECONDITION),
        (Forbidden("m"), grpc.StatusCode.PERMISSION_DENIED),
        (Unauthenticated("m"), grpc.StatusCode.UNAUTHENTICATED),
        (RateLimited("m", retry_after=1), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (DomainError("m"), grpc.StatusCode.INTERNAL),
    ],
)
async def test_a_domain_error_is_its_status_with_its_message(
    servicer: Servicer, pin: Answer, error: DomainError, status: grpc.StatusCode
):
    servicer.answers = [failing(error)]
    assert await _status(pin) == (status, "m")
    assert len(servicer.calls) == 1


async def test_a_fault_of_ours_tells_nothing_of_its_insides(servicer: Servicer, pin: Answer):
    servicer.answers = [failing(KeyError("postgresql://secret@host"))]
    assert await _status(pin) == (grpc.StatusCode.INTERNAL, "internal error")


async def test_what_the_server_itself_answers_is_not_sent_again(servicer: Servicer, pin: Answer):
    servicer.answers = [failing(Unavailable("busy")), failing(ConnectionRefusedError("no store"))]
    assert await _status(pin) == (grpc.StatusCode.UNAVAILABLE, "busy")
    assert await _status(pin) == (grpc.StatusCode.UNAVAILABLE, "a store cannot be reached")
    assert len(servicer.calls) == 2


class LosesConnections:
    """Stands before a server and closes the first `losses` connections as soon as a caller writes to them."""

    def __init__(self, target: int, losses: int) -> None:
        self._target = target
        self.losses = losses
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer):
            if self.connections <= self.losses:
                await reader.read(1)
                # Some calls are under way only once the handshake of HTTP/2 is over.
                writer.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                await reader.readuntil(b"application/grpc")
                return
            behind, before = await asyncio.open_connection("127.0.0.1", self._target)
            with contextlib.closing(before):
                await asyncio.gather(_copy(reader, before), _copy(behind, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def losing(losses: int, target: int) -> AsyncIterator[tuple[LosesConnections, Answer]]:
    between, port = LosesConnections(target, losses), Ports().free()
    server = await asyncio.start_server(between, "127.0.0.1", port)
    async with server, create_channel(f"127.0.0.1:{port}", token="secret") as channel:
        stub = pb_grpc.InventoryStub(channel)
        yield between, lambda: stub.Pin(pb.HoldRequest(order_id="o"))


async def test_a_call_whose_connection_is_lost_is_sent_again(servicer: Servicer, port: int):
    async with losing(1, port) as (between, pin):
        assert (await pin()).state == pb.PINNED
        assert between.connections == 2
    assert len(servicer.calls) == 1


async def test_while_most_calls_fail_none_is_sent_again(servicer: Servicer, port: int):
    async with losing(1000, port) as (between, pin):
        for _ in range(5):
            assert (await _status(pin))[0] is grpc.StatusCode.UNAVAILABLE
        made = between.connections
        assert (await _status(pin))[0] is grpc.StatusCode.UNAVAILABLE
        # None where the channel still waits before it connects again.
        assert between.connections - made <= 1
    assert servicer.calls == []


async def test_a_call_that_hangs_ends_at_the_deadline(
    servicer: Servicer, pin: Answer, monkeypatch: pytest.MonkeyPatch
):
    async def hang() -> pb.HoldReply:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(grpc_client, "DEADLINE", 0.1)
    servicer.answers = [hang]
    status, _ = await _status(pin)
    assert status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(servicer.calls) == 1


async def test_a_server_that_comes_back_is_found_soon(port: int, pin: Answer):
    assert (await _status(pin))[0] is grpc.StatusCode.UNAVAILABLE
    async with serving(Servicer(), port):
        async with asyncio.timeout(20):
            while True:
                try:
                    assert (await pin()).state == pb.PINNED
                    break
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)
    assert (await _status(pin))[0] is grpc.StatusCode.UNAVAILABLE


async def test_the_request_id_goes_along(servicer: Servicer, pin: Answer):
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        await pin()
    await pin()
    assert [call["request_id"] for call in servicer.calls] == ["r-1", ""]


async def test_an_empty_token_is_refused_at_start():
    with pytest.raises(StartError, match="SERVICES_TOKEN"):
        await start_server(address="127.0.0.1:0", token="", services=[], register=lambda _: None)


async def test_a_port_in_use_is_named(servicer: Servicer, port: int):
    assert servicer.calls == []
    with pytest.raises(StartError, match=str(port)):
        async with serving(Servicer(), port):
            pass

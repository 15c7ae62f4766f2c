"""The live status over a real WebSocket, as graphql-transport-ws."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.redis.client import create_redis
from subgraphs.orders.live.status import LiveStatus
from subgraphs.orders.service import Orders
from subgraphs.orders.settings import OrdersSettings
from tests.subgraphs.orders.orders_api import OrdersApi
from tests.subgraphs.orders.orders_harness import eventually

STATUS = """
subscription S($id: ID!, $after: Int) {
  orderStatus(orderId: $id, afterSeq: $after) { seq status at order { id status items { productName } payment { status } } }
}"""


class Socket:
    """One connection; what comes is sorted by operation."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._operations = 0

    async def subscribe(self, query: str = STATUS, **variables: Any) -> str:
        self._operations += 1
        operation = str(self._operations)
        payload = {"query": query, "variables": variables}
        await self._connection.send(json.dumps({"id": operation, "type": "subscribe", "payload": payload}))
        return operation

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            message: dict[str, Any] = json.loads(await self._connection.recv())
        return message

    async def event(self) -> dict[str, Any]:
        message = await self.next()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        data: dict[str, Any] = message["payload"]["data"]["orderStatus"]
        return data

    async def stop(self, operation: str) -> None:
        await self._connection.send(json.dumps({"id": operation, "type": "complete"}))


@asynccontextmanager
async def connect(shared_api: OrdersApi, token: str | None) -> AsyncIterator[Socket]:
    url = shared_api.url.replace("http", "ws") + "/graphql"
    async with websockets.connect(url, subprotocols=["graphql-transport-ws"]) as connection:  # type: ignore[list-item]
        params = {"authorization": f"Bearer {token}"} if token else {}
        await connection.send(json.dumps({"type": "connection_init", "payload": params}))
        socket = Socket(connection)
        assert (await socket.next())["type"] == "connection_ack"
        yield socket


async def test_a_subscriber_sees_the_order_go_to_its_end(api: OrdersApi):
    order = await api.placed()
    async with connect(api, api.as_ann) as socket:
        operation = await socket.subscribe(id=order)
        seen = [await socket.event() for _ in range(2)]
        await api.pay(order)
        seen += [await socket.event() for _ in range(2)]
        await api.cancel(order)
        seen += [await socket.event() for _ in range(2)]
        assert await socket.next() == {"id": operation, "type": "complete"}
    assert [(e["seq"], e["status"]) for e in seen] == [
        (1, "PENDING_STOCK"),
        (2, "AWAITING_PAYMENT"),
        (3, "PAYING"),
        (4, "PAID"),
        (5, "CANCELLING"),
        (6, "CANCELLED"),
    ]
    assert seen[0]["order"]["items"] == [{"productName": "Lamp"}]
    assert seen[-1]["order"] == {
        "id": order,
        "status": "CANCELLED",
        "items": [{"productName": "Lamp"}],
        "payment": {"status": "REFUNDED"},
    }


async def test_a_subscriber_goes_on_after_the_last_seq_it_saw(api: OrdersApi):
    order = await api.placed()
    await api.cancel(order)
    async with connect(api, api.as_ann) as socket:
        await socket.subscribe(id=order, after=2)
        assert [(await socket.event())["seq"] for _ in range(2)] == [3, 4]
        assert (await socket.next())["type"] == "complete"
        operation = await socket.subscribe(id=order, after=4)
        assert await socket.next() == {"id": operation, "type": "complete"}


@pytest.mark.parametrize(
    ("token", "after", "code"),
    [
        ("ann", -1, "VALIDATION_FAILED"),
        ("ann", 3, "VALIDATION_FAILED"),
        ("bob", 0, "NOT_FOUND"),
        (None, 0, "UNAUTHENTICATED"),
    ],
)
async def test_a_subscription_that_may_not_be_is_refused_with_its_code(
    api: OrdersApi, token: str | None, after: int, code: str
):
    order = await api.placed()
    tokens = {"ann": api.as_ann, "bob": api.as_bob, None: None}
    async with connect(api, tokens[token]) as socket:
        await socket.subscribe(id=order, after=after)
        message = await socket.next()
        errors = message["payload"]["errors"] if message["type"] == "next" else message["payload"]
        assert [e["extensions"]["code"] for e in errors] == [code]
        assert errors[0]["extensions"]["requestId"]


@pytest.mark.parametrize("order_id", ["", "\0", "x" * 64, "0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c10"])
async def test_an_order_that_is_none_is_not_found(api: OrdersApi, order_id: str):
    async with connect(api, api.as_ann) as socket:
        await socket.subscribe(id=order_id)
        message = await socket.next()
        assert "NOT_FOUND" in json.dumps(message)


async def test_staff_follow_the_orders_of_others(api: OrdersApi):
    order = await api.placed()
    async with connect(api, api.as_staff) as socket:
        await socket.subscribe(id=order)
        assert (await socket.event())["seq"] == 1


async def test_the_end_of_the_token_ends_the_subscription_with_a_code(api: OrdersApi):
    order = await api.placed()
    token = api.signer.token(api.ann, lives=2)
    async with connect(api, token) as socket:
        await socket.subscribe(id=order, after=2)
        message = await socket.next()
        assert "UNAUTHENTICATED" in json.dumps(message)
        assert "afterSeq: 2" in json.dumps(message)
        # What comes later on this connection speaks for nobody.
        await socket.subscribe(id=order, after=2)
        answers = [await socket.next() for _ in range(2)]
        assert "UNAUTHENTICATED" in json.dumps(answers)


async def test_a_forged_token_is_refused_at_the_door(api: OrdersApi):
    with pytest.raises(ConnectionClosed) as closed:
        async with connect(api, api.as_ann[:-4] + "AAAA"):
            pass
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_operations_of_one_connection_share_nothing_that_was_read(api: OrdersApi):
    order = await api.placed()
    async with connect(api, api.as_ann) as socket:
        operation = await socket.subscribe(id=order)
        seen = [await socket.event() for _ in range(2)]
        await socket.stop(operation)
        await api.pay(order)
        await socket.subscribe(id=order, after=3)
        seen.append(await socket.event())
    assert [event["order"]["payment"] for event in seen] == [None, None, {"status": "CAPTURED"}]


async def test_two_subscriptions_of_one_connection_go_their_own_ways(api: OrdersApi):
    first, second = await api.placed(), await api.placed()
    async with connect(api, api.as_ann) as socket:
        one = await socket.subscribe(id=first, after=2)
        two = await socket.subscribe(id=second, after=2)
        await api.cancel(second)
        for seq in (3, 4):
            message = await socket.next()
            assert (message["id"], message["payload"]["data"]["orderStatus"]["seq"]) == (two, seq)
        assert await socket.next() == {"id": two, "type": "complete"}
        await api.cancel(first)
        assert (await socket.next())["id"] == one


async def test_who_stops_or_hangs_up_is_forgotten_at_once(api: OrdersApi, monkeypatch: pytest.MonkeyPatch):
    order = await api.placed()
    counts: list[int] = []
    wait = LiveStatus._wait
    waiting: set[int] = set()

    async def counted(self: LiveStatus, subscriber: Any, *limits: Any) -> None:
        waiting.add(id(subscriber))
        try:
            await wait(self, subscriber, *limits)
        finally:
            waiting.discard(id(subscriber))
            counts.append(len(self._subscribers))

    monkeypatch.setattr(LiveStatus, "_wait", counted)

    async def somebody_waits() -> bool:
        return bool(waiting)

    async def nobody_waits() -> bool:
        return not waiting

    async with connect(api, api.as_ann) as socket:
        operation = await socket.subscribe(id=order, after=2)
        await eventually(somebody_waits)
        await socket.stop(operation)
        await eventually(nobody_waits)
        await socket.subscribe(id=order, after=2)
        await eventually(somebody_waits)
    await eventually(nobody_waits)
    assert counts


async def test_a_subscription_that_fails_tells_nothing_of_its_insides(
    api: OrdersApi, monkeypatch: pytest.MonkeyPatch
):

    async def fail(*_: object, **__: object) -> None:
        raise KeyError("postgresql://secret@host")

    order = await api.placed()
    monkeypatch.setattr(Orders, "events", fail)
    async with connect(api, api.as_ann) as socket:
        await socket.subscribe(id=order)
        message = json.dumps(await socket.next())
    assert "secret" not in message
    assert '"INTERNAL"' in message


async def test_one_subscription_too_many_is_refused_and_says_when_to_come_again(
    api: OrdersApi, api_settings: OrdersSettings
):
    order = await api.placed()
    async with connect(api, api.as_ann) as socket:
        operations = [await socket.subscribe(id=order, after=1) for _ in range(api_settings.live.per_account)]
        assert {(await socket.event())["seq"] for _ in operations} == {2}
        one_too_many = await socket.subscribe(id=order, after=1)
        message = await socket.next()
        assert message["id"] == one_too_many
        error = message["payload"][0] if message["type"] == "error" else message["payload"]["errors"][0]
        assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("RATE_LIMITED", 5)
        # Others are not refused, and a place that is given up is free at once.
        async with connect(api, api.as_staff) as other:
            await other.subscribe(id=order, after=1)
            assert (await other.event())["seq"] == 2
        await socket.stop(operations[0])

        async def subscribed() -> bool:
            await socket.subscribe(id=order, after=1)
            return (await socket.next())["type"] == "next"

        await eventually(subscribed)


async def test_a_client_that_reconnects_while_the_stream_is_lost_sees_each_event_exactly_once(
    api: OrdersApi, api_settings: OrdersSettings
):
    order = await api.placed()
    seen: list[int] = []

    async def reconnect() -> None:
        while True:
            async with connect(api, api.as_ann) as socket:
                await socket.subscribe(id=order, after=seen[-1] if seen else 0)
                event = await socket.event()
            seen.append(event["seq"])
            if event["status"] == "CANCELLED":
                return

    client = asyncio.create_task(reconnect())
    async with create_redis(api_settings.redis) as redis:
        for turn in range(13):
            await api.pay(order, input={"token": "tok_declined"})
            stream = stream_of("orders")
            await (redis.delete(stream) if turn % 2 else redis.xtrim(stream, maxlen=0, approximate=False))
    await api.cancel(order)
    async with asyncio.timeout(30):
        await client
    assert seen == list(range(1, 31))

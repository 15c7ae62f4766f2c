"""Following an order: server-sent events out of a subscription, resumable, and closed at both ends."""

import asyncio

import httpx
import orjson
from prometheus_client import REGISTRY

from tests.clients.rest.stub_router import StubRouter, answering, events, failing

STREAM = "/api/v1/orders/o1/events"


def _parse(text: str) -> list[dict[str, str]]:
    blocks = [b for b in text.split("\n\n") if b and not b.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


async def test_events_carry_seq_as_id_and_end_with_the_subscription(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["orderStatus"] = events("PENDING_STOCK", "AWAITING_PAYMENT", "PAID")
    response = await client.get(STREAM)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    got = _parse(response.text)
    assert [(e["id"], e["event"]) for e in got] == [(str(n), "order_status") for n in (1, 2, 3)]
    assert orjson.loads(got[2]["data"]) == {
        "order_id": "o1", "seq": 3, "status": "paid", "at": "2026-01-05T10:00:03Z",
    }  # fmt: skip
    assert router.sent[0].variables == {"orderId": "o1", "afterSeq": 0}


async def test_a_stream_goes_on_behind_the_last_event_seen(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["orderStatus"] = events("PENDING_STOCK", "AWAITING_PAYMENT", "PAID")
    response = await client.get(STREAM, headers={"last-event-id": "2"})
    assert [e["id"] for e in _parse(response.text)] == ["3"]


async def test_a_stream_with_nothing_left_is_204(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["orderStatus"] = events("PENDING_STOCK", "AWAITING_PAYMENT", "PAID")
    response = await client.get(STREAM, headers={"last-event-id": "3"})
    assert (response.status_code, response.content) == (204, b"")


async def test_a_refusal_before_the_first_event_is_a_status(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["orderStatus"] = lambda _, orderId, afterSeq: failing("NOT_FOUND")()  # noqa: N803, ARG005 - GraphQL's names
    response = await client.get(STREAM)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_one_stream_too_many_is_429_and_says_when_to_come_again(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    refused = failing("RATE_LIMITED", retryAfter=5)
    router.roots["orderStatus"] = lambda _, orderId, afterSeq: refused()  # noqa: N803, ARG005 - GraphQL's names
    response = await client.get(STREAM)
    assert (response.status_code, response.headers["retry-after"]) == (429, "5")
    assert response.json()["error"]["code"] == "RATE_LIMITED"


async def test_a_refusal_that_is_no_stream_is_a_status(client: httpx.AsyncClient, router: StubRouter) -> None:
    fault = {"errors": [{"message": "no", "extensions": {"code": "UNAUTHENTICATED"}}]}
    router.respond = answering(401, orjson.dumps(fault), content_type="application/json")
    assert (await client.get(STREAM)).status_code == 401


async def test_a_stream_that_is_cut_off_is_not_taken_for_its_end(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.respond = answering(200, b": ping\n\n", content_type="text/event-stream")
    response = await client.get(STREAM)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


async def test_an_error_on_the_way_is_an_event_and_the_end(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    async def source(*_: object, **__: object):
        yield {"orderStatus": {"seq": 1, "status": "PAID", "at": "2026-01-05T10:00:01Z"}}
        await asyncio.sleep(0.25)
        yield {"orderStatus": lambda *_, **__: failing("UNAVAILABLE")()}

    router.roots["orderStatus"] = source
    response = await client.get(STREAM)
    first, last = _parse(response.text)
    assert (first["id"], last["event"]) == ("1", "error")
    fault = orjson.loads(last["data"])
    assert fault["error"]["code"] == "UNAVAILABLE"
    assert fault["request_id"] == response.headers["x-request-id"]


async def test_a_quiet_stream_sends_comments_until_the_client_leaves_and_then_ends_upstream(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["orderStatus"] = events("PAYING", after=asyncio.Event())
    got = b""
    async with client.stream("GET", STREAM) as response:
        async for chunk in response.aiter_raw():
            got += chunk
            if got.count(b": keep-alive\n\n") == 2:
                break
        assert router.open_streams == 1
        assert REGISTRY.get_sample_value("rest_status_streams_open") == 1
    assert got.startswith(b"id: 1\nevent: order_status\ndata: ")
    async with asyncio.timeout(5):
        await router.stream_ended.wait()
    assert router.open_streams == 0
    assert REGISTRY.get_sample_value("rest_status_streams_open") == 0


async def test_a_stream_without_a_first_event_opens_after_a_moment(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["orderStatus"] = events(after=asyncio.Event())
    async with asyncio.timeout(5), client.stream("GET", STREAM) as response:
        assert response.status_code == 200
        assert await anext(response.aiter_raw()) == b": keep-alive\n\n"


async def test_a_strange_last_event_id_is_422(client: httpx.AsyncClient, router: StubRouter) -> None:
    response = await client.get(STREAM, headers={"last-event-id": "soon"})
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "Last-Event-ID"
    assert router.sent == []

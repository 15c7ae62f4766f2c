"""A request that does not arrive and an answer that does not come are given up, and nothing else is."""

import asyncio
from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from subgraphs.kit.http.deadlines import Deadlines

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}


async def never(*_: object) -> Any:
    await asyncio.Event().wait()


async def answer(app: ASGIApp, *body: Message, taking: float = 0) -> list[Message]:
    """What is sent to a client that sends `body`, and then nothing; it takes each part in `taking` seconds."""
    messages, sent = list(body), []

    async def receive() -> Message:
        return messages.pop(0) if messages else await never()

    async def send(message: Message) -> None:
        await asyncio.sleep(taking)
        sent.append(message)

    async with asyncio.timeout(5):
        await Deadlines(app, read=0.1, write=0.1)(SCOPE, receive, send)
    return sent


async def echo(_: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def refusal(sent: list[Message]) -> tuple[int, str]:
    start, body = sent
    return start["status"], orjson.loads(body["body"])["error"]["code"]


async def test_a_request_in_time_is_answered() -> None:
    sent = await answer(echo, part(b"a", more=True), part(b"b", more=False))
    assert [message.get("body") for message in sent] == [None, b"ab"]


async def test_a_body_that_does_not_arrive_is_408() -> None:
    assert refusal(await answer(echo, part(b"a", more=True))) == (408, "REQUEST_TIMEOUT")


async def test_what_the_application_makes_of_the_time_out_is_not_the_answer() -> None:
    async def catches(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await echo(scope, receive, send)
        except TimeoutError:
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

    assert refusal(await answer(catches)) == (408, "REQUEST_TIMEOUT")


async def test_an_answer_that_does_not_begin_is_503_and_its_work_is_cancelled() -> None:
    ended: list[bool] = []

    async def hang(_: Scope, receive: Receive, __: Send) -> None:
        await receive()
        try:
            await never()
        finally:
            ended.append(True)

    assert refusal(await answer(hang, part(b"", more=False))) == (503, "UNAVAILABLE")
    assert ended == [True]


async def test_an_application_that_reads_no_body_is_ended_too() -> None:
    assert refusal(await answer(never)) == (503, "UNAVAILABLE")


async def test_a_stream_may_last() -> None:
    async def stream(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(4):
            await asyncio.sleep(0.06)
            await send({"type": "http.response.body", "body": str(n).encode(), "more_body": n < 3})

    sent = await answer(stream, part(b"", more=False))
    assert [message["body"] for message in sent[1:]] == [b"0", b"1", b"2", b"3"]


async def test_a_client_that_does_not_take_the_answer_is_let_go() -> None:
    with pytest.raises(TimeoutError):
        await answer(echo, part(b"a", more=False), taking=2)


async def test_an_exception_of_the_application_stays_one() -> None:
    async def fail(*_: object) -> None:
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError):
        await answer(fail)

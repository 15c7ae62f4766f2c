"""How long a request may take to arrive, and how long to be answered."""

import asyncio
from http import HTTPStatus
from typing import Self

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from subgraphs.kit.http.responses import error_body, json_response


class Deadlines:
    """Refuses a body that does not arrive in `read` seconds with 408, and an answer that takes longer with 503.

    An answer has `write` seconds to begin, counted from the end of the body, and the client as many to take each
    part of it: an event stream may last, and a client that does not read is let go.
    """

    def __init__(self, app: ASGIApp, *, read: float, write: float) -> None:
        self._app = app
        self._read = read
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # An application that does not read the body has the time for both.
        async with _Exchange(receive, send, read=self._read, write=self._write) as exchange:
            await self._app(scope, exchange.receive, exchange.send)
        if exchange.refusal is not None:
            status, code, message = exchange.refusal
            response = json_response(error_body(code, message), status, headers={"connection": "close"})
            await response(scope, receive, send)


class _Exchange:
    """One request under its deadlines; `refusal` is what to answer where they passed before an answer began."""

    def __init__(self, receive: Receive, send: Send, *, read: float, write: float) -> None:
        self._receive = receive
        self._send = send
        self._write = write
        now = asyncio.get_running_loop().time()
        self._read_until = now + read
        self._answer = asyncio.timeout_at(self._read_until + write)
        self._whole = False
        self._late = False
        self._started = False
        self.refusal: tuple[HTTPStatus, str, str] | None = None

    async def __aenter__(self) -> Self:
        await self._answer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> bool:
        expired = False
        try:
            await self._answer.__aexit__(kind, error, trace)  # type: ignore[arg-type] # a traceback
        except TimeoutError:
            expired = True
        if self._started:
            return False
        if self._late:  # whatever the application made of it
            self.refusal = (HTTPStatus.REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "The body did not arrive in time.")
        elif expired:
            message = "The answer took too long; try again."
            self.refusal = (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
        return self.refusal is not None

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._read_until):
                message = await self._receive()
        except TimeoutError:
            self._late = True
            raise
        if not message.get("more_body", False):
            self._whole = True
            if not self._started:
                self._answer.reschedule(asyncio.get_running_loop().time() + self._write)
        return message

    async def send(self, message: Message) -> None:
        if self._late and not self._started:
            return  # what the application makes of the time-out is not the answer
        if not self._started:
            self._started = True
            self._answer.reschedule(None)
        async with asyncio.timeout(self._write):
            await self._send(message)

"""A receiver of webhooks on this machine, which notes what comes and answers what a test says."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deploy.local.ports import Ports
from tests.subgraphs.orders.orders_api import listening
from tests.subgraphs.orders.orders_harness import eventually


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        """As a receiver verifies it by the text of standardwebhooks.com, with nothing of the sender's."""
        prefix, _, encoded = secret.partition("_")
        assert prefix == "whsec"
        content = ".".join([self.id, self.headers["webhook-timestamp"], self.body])
        mac = hmac.new(base64.b64decode(encoded), content.encode(), hashlib.sha256)
        wanted = base64.b64encode(mac.digest()).decode()
        signatures = [one.split(",", 1) for one in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(wanted, s) for version, s in signatures)


@dataclass
class Receiver:
    """`answers` are given in their order, then 200. While `open` is cleared, nobody gets an answer."""

    url: str
    received: list[Received] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = (await request.body()).decode()
        self.received.append(Received(request.url.path, dict(request.headers), body))
        await self.open.wait()
        answer = self.answers.pop(0) if self.answers else Response(b"thank you")
        await answer(scope, receive, send)

    async def gets(self, count: int, *, within: float = 10) -> list[Received]:
        """What was received, as soon as it is `count` or more."""

        async def enough() -> bool:
            return len(self.received) >= count

        await eventually(enough, within=within)
        return self.received


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    port = Ports().free()
    receiver = Receiver(f"http://127.0.0.1:{port}/hooks")
    receiver.open.set()
    async with listening(receiver, port):
        yield receiver
        receiver.open.set()

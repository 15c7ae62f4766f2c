"""Webhooks of the sandbox provider: signed as a real provider's are, and sent where an address is set."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import httpx
import orjson

from subgraphs.kit.background import Job
from subgraphs.kit.ids import new_id
from subgraphs.kit.logs import get_logger
from subgraphs.orders.payments.provider import BadWebhook, WebhookEvent
from subgraphs.orders.payments.signatures import sign, verify

log = get_logger(__name__)

HEADER = "sandbox-signature"
_WAITING = 1000
"""Webhooks that may wait to be sent; what comes on top is dropped, as a provider may lose some."""
_TIMEOUT = 5.0


class SandboxWebhooks:
    """`secret` signs them; where `url` is empty none is sent. `clock` is the present in UTC."""

    def __init__(self, *, secret: str, url: str, clock: Callable[[], datetime]) -> None:
        self._secret = secret
        self._url = url
        self._clock = clock
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)

    @property
    def job(self) -> Job:
        return Job(name="sandbox_webhooks", run_once=self.send, every=1.0)

    def body(self, type_: str, reference: str) -> bytes:
        """That of a new event."""
        return orjson.dumps({"id": f"sbx_evt_{new_id()}", "type": type_, "payment": reference})

    def headers(self, body: bytes) -> dict[str, str]:
        return {
            HEADER: sign(body, secret=self._secret, at=self._clock()),
            "content-type": "application/json",
        }

    def tell(self, type_: str, reference: str) -> None:
        """Have a webhook sent. Whoever changed the payment does not wait for it."""
        if self._url and not self._waiting.full():
            self._waiting.put_nowait(self.body(type_, reference))

    async def send(self) -> None:
        """Send what waits and what comes, one after the other, until cancelled. Raises httpx.HTTPError."""
        async with httpx.AsyncClient(timeout=_TIMEOUT) as http:
            while True:
                body = await self._waiting.get()
                answer = await http.post(self._url, content=body, headers=self.headers(body))
                if answer.is_error:
                    log.warning(
                        "sandbox_webhook_refused", status=answer.status_code, answer=answer.text[:200]
                    )

    def read(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        """Raises BadWebhook."""
        verify(body, headers.get(HEADER, ""), secret=self._secret, now=self._clock())
        try:
            event = orjson.loads(body)
            return WebhookEvent(id=str(event["id"]), type=str(event["type"]), reference=str(event["payment"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadWebhook("the body is no event") from error

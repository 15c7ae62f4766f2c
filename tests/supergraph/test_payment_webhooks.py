"""Webhooks of a payment provider through the edge, to the service that checks their signature."""

import hashlib
import hmac
import json
import time
from uuid import uuid4

import httpx
import pytest

from tests.harness import launcher

PATH = "/webhooks/payments/sandbox"


def _signed(body: bytes, *, secret: str = launcher.SANDBOX_SECRET) -> dict[str, str]:
    seconds = int(time.time())
    digest = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return {"sandbox-signature": f"t={seconds},v1={digest}", "content-type": "application/json"}


@pytest.fixture
def body() -> bytes:
    return json.dumps({"id": f"evt_{uuid4().hex}", "type": "payment.captured", "payment": "none"}).encode()


async def test_an_event_is_taken_once_and_answered_each_time(http: httpx.AsyncClient, body: bytes) -> None:
    answers = [await http.post(PATH, content=body, headers=_signed(body)) for _ in range(2)]
    assert [(a.status_code, a.json()) for a in answers] == [
        (200, {"received": True, "new": True}),
        (200, {"received": True, "new": False}),
    ]


async def test_a_forged_event_is_400_and_an_unknown_provider_404(
    http: httpx.AsyncClient, body: bytes
) -> None:
    forged = await http.post(PATH, content=body, headers=_signed(body, secret="another"))
    assert (forged.status_code, forged.json()["error"]["code"]) == (400, "BAD_WEBHOOK")
    unknown = await http.post("/webhooks/payments/stripe", content=body, headers=_signed(body))
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert unknown.json()["request_id"] == unknown.headers["x-request-id"]

"""The webhooks of payment providers, as they come over HTTP to the whole service."""

from typing import Any

import httpx
import pytest

from subgraphs.kit.ids import new_id
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.payments.sandbox_webhooks import SandboxWebhooks
from subgraphs.orders.settings import OrdersSettings
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore
from tests.subgraphs.orders.conftest import SANDBOX_SECRET, rows
from tests.subgraphs.orders.orders_api import OrdersApi, now
from tests.subgraphs.orders.orders_harness import eventually

PATH = "/webhooks/payments/sandbox"


@pytest.fixture
def sender() -> SandboxWebhooks:
    return SandboxWebhooks(secret=SANDBOX_SECRET, url="", clock=now)


@pytest.fixture
async def database(api_settings: OrdersSettings) -> Any:
    postgres = Postgres(api_settings.database, application="tests")
    yield postgres
    await postgres.close()


async def _post(
    api: OrdersApi, sender: SandboxWebhooks, body: bytes, path: str = PATH, **headers: str
) -> httpx.Response:
    return await api.http.post(path, content=body, headers={**sender.headers(body), **headers})


async def test_an_event_is_kept_once_answered_at_once_and_worked_off(
    api: OrdersApi, sender: SandboxWebhooks, database: Postgres
):
    body = sender.body("payment.captured", new_id())
    answers = [await _post(api, sender, body) for _ in range(3)]
    assert [(a.status_code, a.json()) for a in answers] == [
        (200, {"received": True, "new": new}) for new in (True, False, False)
    ]
    event = sender.read(body, sender.headers(body))

    async def worked_off() -> bool:
        found = await rows(
            database, "SELECT provider, type, due_at FROM payment_events WHERE event_id = :id", id=event.id
        )
        assert len(found) == 1
        return found[0] == ("sandbox", "payment.captured", None)

    await eventually(worked_off)


async def test_a_capture_that_the_service_had_written_off_is_refunded_by_the_running_service(
    api: OrdersApi, sender: SandboxWebhooks, database: Postgres
):
    order_id = await api.placed()
    declined = await api.pay(order_id, input={"token": "tok_declined"})
    assert declined["reason"] == "card_declined"
    [[attempt]] = await rows(database, "SELECT attempt_id FROM payments WHERE order_id = :id", id=order_id)
    async with database.unit_of_work() as connection:
        await SandboxChargeStore(connection).set(attempt, status="captured", transaction_id="sbx_ch_late")
    for body in {sender.body("payment.captured", attempt) for _ in range(3)}:
        assert (await _post(api, sender, body)).status_code == 200

    async def refunded() -> bool:
        query = "SELECT key, status FROM refunds WHERE order_id = :id"
        return await rows(database, query, id=order_id) == [(f"refund:{attempt}", "DONE")]

    await eventually(refunded)
    made = await rows(
        database, "SELECT amount_minor FROM sandbox_charges WHERE key = :key", key=f"refund:{attempt}"
    )
    assert made == [(999,)]


@pytest.mark.parametrize(
    "forged",
    [
        {"sandbox-signature": ""},
        {"sandbox-signature": "t=1,v1=00"},
        {"sandbox-signature": "nonsense"},
    ],
)
async def test_a_bad_signature_is_refused_and_nothing_is_kept(
    api: OrdersApi, sender: SandboxWebhooks, database: Postgres, forged: dict[str, str]
):
    before = await rows(database, "SELECT count(*) FROM payment_events")
    refused = await _post(api, sender, sender.body("payment.captured", "r"), **forged)
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "code": "BAD_WEBHOOK",
        "message": "The signature does not fit, or the body is no event.",
    }
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert await rows(database, "SELECT count(*) FROM payment_events") == before


async def test_a_signature_is_of_the_bytes_that_were_sent(api: OrdersApi, sender: SandboxWebhooks):
    body = sender.body("payment.captured", "r")
    answer = await api.http.post(PATH, content=body.replace(b":", b": ", 1), headers=sender.headers(body))
    assert answer.status_code == 400


@pytest.mark.parametrize("provider", ["stripe", "nobody", "SANDBOX"])
async def test_a_provider_that_is_not_set_up_is_not_found(
    api: OrdersApi, sender: SandboxWebhooks, provider: str
):
    body = sender.body("payment.captured", "r")
    answer = await _post(api, sender, body, f"/webhooks/payments/{provider}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_only_post_is_served(api: OrdersApi):
    assert (await api.http.get(PATH)).status_code == 405

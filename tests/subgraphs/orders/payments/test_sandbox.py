"""The sandbox, as a provider and by its books."""

import asyncio
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.ports import Ports
from subgraphs.kit.background import running
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.payments.provider import (
    Authorised,
    BadWebhook,
    Captured,
    Declined,
    Initiated,
    Open,
    OutcomeUnknown,
    State,
    WebhookEvent,
)
from subgraphs.orders.payments.sandbox import SandboxProvider
from subgraphs.orders.payments.sandbox_webhooks import SandboxWebhooks
from subgraphs.orders.payments.signatures import TOLERANCE
from tests.subgraphs.orders.orders_api import listening
from tests.subgraphs.orders.orders_harness import OrdersHarness, eventually

TEN = Amount(MinorUnits(1000), "USD")


@pytest.fixture
def sandbox(harness: OrdersHarness) -> SandboxProvider:
    return harness.sandbox


async def _open(sandbox: SandboxProvider, token: str = "tok_ok") -> str:
    """The reference of a payment that is initiated."""
    key = new_id()
    made = await sandbox.initiate(key, amount=TEN, token=token)
    assert isinstance(made, Initiated)
    return made.reference


async def _captured(sandbox: SandboxProvider, reference: str) -> Captured:
    assert await sandbox.authorise(reference, key="k") == Authorised()
    state = await sandbox.capture(reference, key="k")
    assert isinstance(state, Captured)
    return state


async def _books(harness: OrdersHarness) -> list[tuple[str, int]]:
    rows = await harness.rows("SELECT status, amount_minor FROM sandbox_charges ORDER BY created_at, key")
    return [(row.status, row.amount_minor) for row in rows]


async def test_a_payment_is_authorised_then_captured_and_each_step_repeated_changes_nothing(
    harness: OrdersHarness, sandbox: SandboxProvider
):
    reference = await _open(sandbox)
    assert await sandbox.status(reference) == Open()
    captured = await _captured(sandbox, reference)
    assert captured.transaction_id.startswith("sbx_ch_")
    again: list[State] = [
        await sandbox.authorise(reference, key="k"),
        await sandbox.capture(reference, key="k"),
        await sandbox.status(reference),
        await sandbox.cancel(reference, key="k"),
    ]
    assert again == [captured] * 4
    assert await _books(harness) == [("captured", 1000)]


async def test_the_same_key_is_the_same_payment(harness: OrdersHarness, sandbox: SandboxProvider):
    key = new_id()
    made = [await sandbox.initiate(key, amount=TEN, token="tok_ok") for _ in range(3)]
    assert made == [Initiated(key)] * 3
    assert await _books(harness) == [("open", 1000)]


async def test_nothing_is_captured_that_is_not_authorised(sandbox: SandboxProvider):
    reference = await _open(sandbox)
    assert await sandbox.capture(reference, key="k") == Open()
    assert await sandbox.status(reference) == Open()


@pytest.mark.parametrize(
    ("token", "reason"), [("tok_declined", "card_declined"), ("tok_no_such", "unknown_token")]
)
async def test_a_decline_is_for_good(sandbox: SandboxProvider, token: str, reason: str):
    reference = await _open(sandbox, token)
    for _ in range(2):
        assert await sandbox.authorise(reference, key="k") == Declined(reason)
    assert await sandbox.capture(reference, key="k") == Declined(reason)
    assert await sandbox.cancel(reference, key="k") == Declined(reason)


async def test_an_answer_that_is_lost_after_the_capture_leaves_it_captured(sandbox: SandboxProvider):
    reference = await _open(sandbox, "tok_timeout_then_captured")
    assert await sandbox.authorise(reference, key="k") == Authorised()
    with pytest.raises(OutcomeUnknown):
        await sandbox.capture(reference, key="k")
    assert isinstance(await sandbox.status(reference), Captured)
    assert isinstance(await sandbox.capture(reference, key="k"), Captured)


async def test_an_error_leaves_nothing_and_the_next_attempt_goes_through(sandbox: SandboxProvider):
    reference = await _open(sandbox, "tok_error_once")
    with pytest.raises(OutcomeUnknown):
        await sandbox.authorise(reference, key="k")
    assert await sandbox.status(reference) == Open()
    await _captured(sandbox, reference)


async def test_what_is_cancelled_is_never_captured(harness: OrdersHarness, sandbox: SandboxProvider):
    fresh, authorised = await _open(sandbox), await _open(sandbox)
    await sandbox.authorise(authorised, key="k")
    for reference in (fresh, authorised):
        assert await sandbox.cancel(reference, key="k") == Declined("cancelled")
        assert await sandbox.authorise(reference, key="k") == Declined("cancelled")
        assert await sandbox.capture(reference, key="k") == Declined("cancelled")
    assert await _books(harness) == [("declined", 1000)] * 2


async def test_of_a_capture_and_a_cancellation_at_once_one_wins_and_both_say_which(sandbox: SandboxProvider):
    for _ in range(10):
        reference = await _open(sandbox)
        await sandbox.authorise(reference, key="k")
        captured, cancelled = await asyncio.gather(
            sandbox.capture(reference, key="k"), sandbox.cancel(reference, key="k")
        )
        assert captured == cancelled == await sandbox.status(reference)
        assert isinstance(captured, Captured | Declined)


async def test_a_refund_is_made_once_for_each_key(harness: OrdersHarness, sandbox: SandboxProvider):
    reference = await _open(sandbox)
    await _captured(sandbox, reference)
    part = Amount(MinorUnits(400), "USD")
    made = [await sandbox.refund("refund:1", reference=reference, amount=part) for _ in range(3)]
    assert len(set(made)) == 1
    assert made[0].startswith("sbx_re_")
    assert await sandbox.refund("refund:2", reference=reference, amount=part) != made[0]
    assert await _books(harness) == [("captured", 1000), ("refunded", 400), ("refunded", 400)]


async def test_what_was_not_captured_is_not_refunded(harness: OrdersHarness, sandbox: SandboxProvider):
    reference = await _open(sandbox)
    for unknown in (reference, new_id()):
        with pytest.raises(OutcomeUnknown):
            await sandbox.refund("refund:1", reference=unknown, amount=TEN)
    assert await _books(harness) == [("open", 1000)]


async def test_a_payment_that_it_does_not_know_has_no_outcome(sandbox: SandboxProvider):
    reference = new_id()
    for call in (
        sandbox.status(reference),
        sandbox.authorise(reference, key="k"),
        sandbox.capture(reference, key="k"),
        sandbox.cancel(reference, key="k"),
    ):
        with pytest.raises(OutcomeUnknown):
            await call


def test_the_token_is_filled_where_there_is_none(sandbox: SandboxProvider):
    assert (sandbox.token(None), sandbox.token("tok_declined"), sandbox.token("")) == (
        "tok_ok",
        "tok_declined",
        "",
    )


def test_a_webhook_is_read_where_its_signature_fits(harness: OrdersHarness, sandbox: SandboxProvider):
    body = harness.provider_webhooks.body("payment.captured", "r")
    event = sandbox.webhook(body, harness.provider_webhooks.headers(body))
    assert (event.type, event.reference) == ("payment.captured", "r")
    assert event == WebhookEvent(id=event.id, type="payment.captured", reference="r")


@pytest.mark.parametrize("after", [TOLERANCE + timedelta(seconds=1), -TOLERANCE - timedelta(seconds=1)])
def test_a_webhook_of_another_time_is_refused(
    harness: OrdersHarness, sandbox: SandboxProvider, after: timedelta
):
    body = harness.provider_webhooks.body("payment.captured", "r")
    headers = harness.provider_webhooks.headers(body)
    harness.clock.forward(after)
    with pytest.raises(BadWebhook):
        sandbox.webhook(body, headers)


@pytest.mark.parametrize(
    "signature", ["", "t=,v1=", "t=1", "v1=aa", "t=1,v1=aa", "t=x,v1=é", "=", ",,", "t=²,v1=a"]
)
def test_a_forged_webhook_is_refused(sandbox: SandboxProvider, signature: str):
    with pytest.raises(BadWebhook):
        sandbox.webhook(b"{}", {"sandbox-signature": signature})


def test_a_body_that_was_changed_or_is_no_event_is_refused(harness: OrdersHarness, sandbox: SandboxProvider):
    body = harness.provider_webhooks.body("payment.captured", "r")
    with pytest.raises(BadWebhook):
        sandbox.webhook(body + b" ", harness.provider_webhooks.headers(body))
    for junk in (b"", b"[]", b"null", b'{"id": 1}', b"\xff"):
        with pytest.raises(BadWebhook):
            sandbox.webhook(junk, harness.provider_webhooks.headers(junk))


async def test_it_sends_a_signed_webhook_for_each_change_where_an_address_is_set(harness: OrdersHarness):
    got: list[WebhookEvent] = []

    async def receive(request: Request) -> Response:
        got.append(sandbox.webhook(await request.body(), request.headers))
        return Response(status_code=500 if len(got) == 1 else 200)  # one that is refused holds up no other

    port = Ports().free()
    webhooks = SandboxWebhooks(secret="s", url=f"http://127.0.0.1:{port}/hook", clock=harness.clock)
    sandbox = SandboxProvider(postgres=harness.observer, webhooks=webhooks)
    app = Starlette(routes=[Route("/hook", receive, methods=["POST"])])
    async with listening(app, port), running(webhooks.job):
        reference = await _open(sandbox)
        await _captured(sandbox, reference)
        await sandbox.refund("refund:1", reference=reference, amount=TEN)

        async def all_came() -> bool:
            return len(got) == 3

        await eventually(all_came)
    assert [(event.type, event.reference) for event in got] == [
        (f"payment.{change}", reference) for change in ("authorised", "captured", "refunded")
    ]
    assert len({event.id for event in got}) == 3

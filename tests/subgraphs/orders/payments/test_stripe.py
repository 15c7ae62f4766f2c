"""The adapter on the wire that Stripe speaks, as its double has it."""

import time

import orjson
import pytest

from subgraphs.kit.errors import ValidationFailed
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
    WebhookEvent,
)
from subgraphs.orders.payments.stripe import open_stripe
from tests.subgraphs.orders.payments.conftest import Stripe, settings
from tests.subgraphs.orders.payments.stripe_double import WEBHOOK_SECRET, StripeDouble

TEN = Amount(MinorUnits(1000), "USD")
VISA = "pm_card_visa"


async def _open(stripe: Stripe, method: str = VISA, *, key: str | None = None, amount: Amount = TEN) -> str:
    made = await stripe.provider.initiate(key or new_id(), amount=amount, token=method)
    assert isinstance(made, Initiated)
    return made.reference


async def _captured(stripe: Stripe, reference: str) -> Captured:
    assert await stripe.provider.authorise(reference, key="k") == Authorised()
    state = await stripe.provider.capture(reference, key="k")
    assert isinstance(state, Captured)
    return state


async def test_a_payment_is_made_known_authorised_and_captured(stripe: Stripe):
    key = new_id()
    reference = await _open(stripe, key=key)
    assert await stripe.provider.status(reference) == Open()
    captured = await _captured(stripe, reference)
    assert captured.transaction_id.startswith("ch_")
    assert await stripe.provider.status(reference) == captured
    assert [(name, sent) for name, sent, _ in stripe.double.requests] == [
        ("initiate", key),
        ("status", None),
        ("authorise", "k:authorise"),
        ("capture", "k:capture"),
        ("status", None),
    ]
    intent = stripe.double.intents[reference]
    assert (intent["amount"], intent["currency"], intent["metadata"]) == (1000, "usd", {"attempt": key})


@pytest.mark.parametrize(
    ("minor", "currency", "sent"),
    [(500, "JPY", 500), (500, "KRW", 500), (1999, "EUR", 1999), (5120, "KWD", 5120)],
)
async def test_an_amount_is_sent_in_the_currencys_own_smallest_unit(
    stripe: Stripe, minor: int, currency: str, sent: int
):
    reference = await _open(stripe, amount=Amount(MinorUnits(minor), currency))
    intent = stripe.double.intents[reference]
    assert (intent["amount"], intent["currency"]) == (sent, currency.lower())


async def test_an_amount_that_cards_do_not_know_is_declined_before_anything_is_sent(stripe: Stripe):
    fils = Amount(MinorUnits(5124), "KWD")
    assert await stripe.provider.initiate("k", amount=fils, token=VISA) == Declined("amount_too_fine")
    assert stripe.double.requests == []


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_card_declined", "generic_decline"),
        ("pm_card_insufficient", "insufficient_funds"),
        ("pm_card_expired", "expired_card"),
        ("pm_card_authenticate", "authentication_required"),
    ],
)
async def test_a_decline_has_the_banks_reason_now_and_later(stripe: Stripe, method: str, reason: str):
    reference = await _open(stripe, method)
    assert await stripe.provider.authorise(reference, key="k") == Declined(reason)
    assert await stripe.provider.status(reference) == Declined(reason)
    assert await stripe.provider.authorise(reference, key="k") == Declined(reason)
    stripe.double.forget_keys()
    assert await stripe.provider.authorise(reference, key="k") == Declined(reason)
    assert await stripe.provider.capture(reference, key="k") == Declined(reason)


@pytest.mark.parametrize("token", ["tok_ok", "pm_gone", "x" * 200, "pm_a b"])
async def test_a_token_that_is_no_payment_method_is_declined(stripe: Stripe, token: str):
    made = await stripe.provider.initiate("k", amount=TEN, token=token)
    assert made == Declined("resource_missing")
    assert stripe.double.intents == {}


def test_without_a_token_the_customer_is_told_what_is_needed(stripe: Stripe):
    with pytest.raises(ValidationFailed) as refused:
        stripe.provider.token(None)
    assert refused.value.field == "token"
    assert "Stripe" in refused.value.message
    assert stripe.provider.token("pm_1") == "pm_1"


async def test_the_same_key_makes_one_intent(stripe: Stripe):
    assert {await _open(stripe, key="k") for _ in range(3)} == set(stripe.double.intents)
    assert len(stripe.double.intents) == 1


async def test_a_key_that_was_used_for_another_amount_has_no_outcome(stripe: Stripe):
    await _open(stripe, key="k")
    with pytest.raises(OutcomeUnknown):
        await stripe.provider.initiate("k", amount=Amount(MinorUnits(1), "USD"), token=VISA)


async def test_each_step_repeated_after_the_keys_are_forgotten_changes_nothing(stripe: Stripe):
    reference = await _open(stripe)
    captured = await _captured(stripe, reference)
    stripe.double.forget_keys()
    assert await stripe.provider.authorise(reference, key="k") == captured
    assert await stripe.provider.capture(reference, key="k") == captured
    assert await stripe.provider.cancel(reference, key="k") == captured
    assert stripe.double.captured == [reference]


@pytest.mark.parametrize("step", ["authorise", "capture"])
async def test_a_fault_of_stripes_has_no_outcome_and_what_is_so_can_be_asked(stripe: Stripe, step: str):
    reference = await _open(stripe)
    if step == "capture":
        await stripe.provider.authorise(reference, key="k")
    stripe.double.faults.before[step] = 1
    for _ in range(2):  # Stripe answers a key with the 500 that it had
        with pytest.raises(OutcomeUnknown, match="APIError"):
            await getattr(stripe.provider, step)(reference, key="k")
    assert await stripe.provider.status(reference) == (Open() if step == "authorise" else Authorised())
    assert stripe.double.captured == []


async def test_too_many_requests_have_no_outcome_and_the_same_key_goes_through_later(stripe: Stripe):
    reference = await _open(stripe)
    stripe.double.faults.busy["authorise"] = 1
    with pytest.raises(OutcomeUnknown, match="RateLimitError"):
        await stripe.provider.authorise(reference, key="k")
    await _captured(stripe, reference)


async def test_a_time_out_after_the_capture_leaves_one_capture(stripe: Stripe):
    async with open_stripe(settings(stripe.url, seconds=1)) as hasty:
        reference = await _open(stripe)
        await hasty.authorise(reference, key="k")
        stripe.double.faults.hang["capture"] = 1
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            await hasty.capture(reference, key="k")
        assert time.monotonic() - began < 10
        assert isinstance(await hasty.status(reference), Captured)
        assert isinstance(await hasty.capture(reference, key="k"), Captured)
    assert stripe.double.captured == [reference]


async def test_a_stripe_that_is_not_there_has_no_outcome():
    async with open_stripe(settings("http://127.0.0.1:1")) as nobody:
        for call in (
            nobody.initiate("k", amount=TEN, token=VISA),
            nobody.authorise("pi_1", key="k"),
            nobody.capture("pi_1", key="k"),
            nobody.status("pi_1"),
            nobody.cancel("pi_1", key="k"),
            nobody.refund("r", reference="pi_1", amount=TEN),
        ):
            with pytest.raises(OutcomeUnknown):
                await call


async def test_a_key_of_ours_that_is_refused_is_nobodys_decline(stripe: Stripe):
    async with open_stripe(settings(stripe.url, key="sk_test_wrong")) as wrong:
        with pytest.raises(OutcomeUnknown, match="AuthenticationError") as unknown:
            await wrong.initiate("k", amount=TEN, token=VISA)
    assert "sk_test" not in str(unknown.value)


async def test_a_payment_that_stripe_does_not_know_has_no_outcome(stripe: Stripe):
    for call in (
        stripe.provider.status("pi_none"),
        stripe.provider.authorise("pi_none", key="k"),
        stripe.provider.capture("pi_none", key="k"),
        stripe.provider.cancel("pi_none", key="k"),
    ):
        with pytest.raises(OutcomeUnknown):
            await call


async def test_what_is_cancelled_is_never_captured(stripe: Stripe):
    fresh, authorised, declined = (
        await _open(stripe),
        await _open(stripe),
        await _open(stripe, "pm_card_expired"),
    )
    await stripe.provider.authorise(authorised, key="a")
    await stripe.provider.authorise(declined, key="d")
    for key, reference in (("f", fresh), ("a", authorised), ("d", declined)):
        assert await stripe.provider.cancel(reference, key=key) == Declined("cancelled")
        stripe.double.forget_keys()
        assert await stripe.provider.authorise(reference, key=key) == Declined("cancelled")
        assert await stripe.provider.capture(reference, key=key) == Declined("cancelled")
    assert stripe.double.captured == []


async def test_an_intent_that_stripe_is_still_working_on_has_no_outcome(stripe: Stripe):
    reference = await _open(stripe)
    stripe.double.intents[reference]["status"] = "processing"
    with pytest.raises(OutcomeUnknown, match="processing"):
        await stripe.provider.status(reference)


# ---- refunds -------------------------------------------------------------------------------------------------


async def test_parts_are_refunded_each_once(stripe: Stripe):
    reference = await _open(stripe)
    await _captured(stripe, reference)
    part = Amount(MinorUnits(400), "USD")
    first = [await stripe.provider.refund("refund:1", reference=reference, amount=part) for _ in range(2)]
    second = await stripe.provider.refund("refund:2", reference=reference, amount=part)
    assert (first[0], len({*first, second})) == (first[1], 2)
    assert [r["amount"] for r in stripe.double.refunds.values()] == [400, 400]


async def test_a_refund_whose_answer_was_lost_is_found_when_stripe_has_forgotten_its_key(stripe: Stripe):
    reference = await _open(stripe)
    await _captured(stripe, reference)
    part = Amount(MinorUnits(400), "USD")
    async with open_stripe(settings(stripe.url, seconds=1)) as hasty:
        stripe.double.faults.hang["refund"] = 1
        with pytest.raises(OutcomeUnknown):
            await hasty.refund("refund:1", reference=reference, amount=part)
    stripe.double.forget_keys()
    made = await stripe.provider.refund("refund:1", reference=reference, amount=part)
    assert list(stripe.double.refunds) == [made]


async def test_a_refund_is_found_behind_a_hundred_others(stripe: Stripe):
    reference = await _open(stripe, amount=Amount(MinorUnits(100_000), "USD"))
    await _captured(stripe, reference)
    one = Amount(MinorUnits(1), "USD")
    first = await stripe.provider.refund("refund:0", reference=reference, amount=one)
    for n in range(1, 150):
        refund = {**stripe.double.refunds[first], "id": f"re_x{n}", "metadata": {"refund": f"refund:{n}"}}
        stripe.double.refunds[refund["id"]] = refund
    stripe.double.forget_keys()
    assert await stripe.provider.refund("refund:0", reference=reference, amount=one) == first
    assert len(stripe.double.refunds) == 150


async def test_more_than_was_taken_is_not_refunded_and_waits_for_people(stripe: Stripe):
    reference = await _open(stripe)
    await _captured(stripe, reference)
    with pytest.raises(OutcomeUnknown, match="charge_already_refunded"):
        await stripe.provider.refund("r", reference=reference, amount=Amount(MinorUnits(1001), "USD"))
    assert stripe.double.refunds == {}


# ---- webhooks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "thing", "reference"),
    [
        ("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_1"}, "pi_1"),
        ("charge.refunded", {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}, "pi_1"),
        ("refund.updated", {"object": "refund", "id": "re_1", "payment_intent": None}, None),
        ("customer.created", {"object": "customer", "id": "cus_1"}, None),
    ],
)
async def test_an_event_is_read_with_the_payment_that_it_is_of(
    stripe: Stripe, type_: str, thing: dict[str, str], reference: str | None
):
    body = stripe.double.event(type_, thing, id_="evt_1")
    told = stripe.provider.webhook(body, stripe.double.signature(body))
    assert told == WebhookEvent(id="evt_1", type=type_, reference=reference)


def _forgeries() -> dict[str, tuple[bytes, dict[str, str]]]:
    body = orjson.dumps({"id": "evt_1", "type": "x", "data": {"object": {"object": "customer"}}})
    sign = StripeDouble.signature
    return {
        "another secret": (body, sign(body, secret="whsec_other")),
        "another body": (body + b" ", sign(body)),
        "an old one": (body, sign(body, at=time.time() - 301)),
        "no signature": (body, {}),
        "nonsense": (body, {"stripe-signature": "nonsense"}),
        "no v1": (body, {"stripe-signature": sign(body)["stripe-signature"].replace("v1", "v2")}),
        "no event": (b"[]", sign(b"[]")),
        "no JSON": (b"{", sign(b"{")),
        "no text": (b"\xff", sign(b"\xff")),
        "without its parts": (b"{}", sign(b"{}")),
    }


@pytest.mark.parametrize("name", list(_forgeries()))
async def test_a_webhook_that_is_not_stripes_is_refused(stripe: Stripe, name: str):
    body, headers = _forgeries()[name]
    with pytest.raises(BadWebhook):
        stripe.provider.webhook(body, headers)


def test_the_provider_shows_no_secret(stripe: Stripe):
    assert WEBHOOK_SECRET not in repr(stripe.provider)

"""Stripe, through its own library: a PaymentIntent for each attempt, authorised and captured in two steps.

`initiate` makes one that is not confirmed, with the attempt's id as idempotency key; what follows goes by the id of
the intent, which Stripe confirms and captures once. So nothing rests on the 24 hours for which Stripe remembers keys
(docs.stripe.com/api/idempotent_requests). Amounts are in the currency's smallest unit, as ours are: whole yen, cents,
and thousandths of a dinar, whose last digit must be 0 there (docs.stripe.com/currencies).

A card whose bank wants to see its owner (3-D Secure) is declined with `authentication_required`: the API has no step
in which a customer could show up.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import orjson
import stripe

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount, exponent_of
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
from subgraphs.orders.payments.signatures import TOLERANCE
from subgraphs.orders.settings import PaymentSettings

NAME = "stripe"
_FINEST_DECIMALS = 2
Answer = TypeVar("Answer")


@asynccontextmanager
async def open_stripe(settings: PaymentSettings) -> AsyncIterator["StripeProvider"]:
    """The provider with a client and connections of its own; nothing of the library's global state is used."""
    seconds = settings.timeout.total_seconds()
    http = stripe.HTTPXClient(timeout=seconds)
    client = stripe.StripeClient(
        settings.stripe_key.get_secret_value(),
        http_client=http,
        base_addresses={"api": settings.stripe_url},
        max_network_retries=0,  # what is lost is asked for by the saga, which first looks what became of it
    )
    try:
        yield StripeProvider(
            client=client, webhook_secret=settings.stripe_webhook_secret.get_secret_value(), seconds=seconds
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call] # the library's


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeProvider:
    client: stripe.StripeClient
    webhook_secret: str = field(repr=False)
    seconds: float
    """For one call, from its beginning to the end of its answer."""

    @property
    def name(self) -> str:
        return NAME

    def token(self, given: str | None) -> str:
        if given is None:
            raise ValidationFailed(
                "Payments are taken through Stripe: `token` must be the id of a payment method (pm_…).",
                field="token",
            )
        return given

    async def initiate(self, key: str, *, amount: Amount, token: str) -> Initiated | Declined:
        if exponent_of(amount.currency) > _FINEST_DECIMALS and amount.minor % 10:
            return Declined("amount_too_fine")
        try:
            intent = await self._ask(
                self.client.v1.payment_intents.create_async(
                    {
                        "amount": amount.minor,
                        "currency": amount.currency.lower(),
                        "payment_method": token,
                        "allowed_payment_method_types": ["card"],
                        "capture_method": "manual",
                        "metadata": {"attempt": key},
                    },
                    {"idempotency_key": key},
                )
            )
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            return Declined(_reason(error))
        return Initiated(intent.id)

    async def authorise(self, reference: str, *, key: str) -> State:
        try:
            intent = await self._ask(
                self.client.v1.payment_intents.confirm_async(
                    reference, {"error_on_requires_action": True}, {"idempotency_key": f"{key}:authorise"}
                )
            )
        except stripe.CardError as error:
            return Declined(_reason(error))
        except stripe.InvalidRequestError as error:
            # Confirmed before, or refused for good: then it is open still, and nobody else confirms it.
            state = await self.status(reference)
            return Declined(_reason(error)) if isinstance(state, Open) else state
        return _state(intent)

    async def capture(self, reference: str, *, key: str) -> State:
        try:
            intent = await self._ask(
                self.client.v1.payment_intents.capture_async(
                    reference, {}, {"idempotency_key": f"{key}:capture"}
                )
            )
        except (stripe.CardError, stripe.InvalidRequestError):
            return await self.status(reference)
        return _state(intent)

    async def status(self, reference: str) -> State:
        try:
            return _state(await self._ask(self.client.v1.payment_intents.retrieve_async(reference)))
        except stripe.InvalidRequestError as error:
            raise _unknown(error) from error

    async def cancel(self, reference: str, *, key: str) -> Captured | Declined:
        try:
            state = _state(
                await self._ask(
                    self.client.v1.payment_intents.cancel_async(
                        reference, {}, {"idempotency_key": f"{key}:cancel"}
                    )
                )
            )
        except stripe.InvalidRequestError:
            state = await self.status(reference)
        if isinstance(state, Captured | Declined):
            return state
        raise OutcomeUnknown(f"the payment {reference} could not be cancelled")

    async def refund(self, key: str, *, reference: str, amount: Amount) -> str:
        """Looks first whether it was made: Stripe forgets idempotency keys, and would give the money back twice."""
        try:
            async for made in await self._refunds_of(reference):
                if getattr(made.metadata, "refund", None) == key and made.status not in {
                    "failed",
                    "canceled",
                }:
                    return made.id
            refund = await self._ask(
                self.client.v1.refunds.create_async(
                    {"payment_intent": reference, "amount": amount.minor, "metadata": {"refund": key}},
                    {"idempotency_key": key},
                )
            )
        except stripe.StripeError as error:
            raise _unknown(error) from error
        if refund.status in {"failed", "canceled"}:
            raise OutcomeUnknown(f"the refund {refund.id} is {refund.status}")
        return refund.id

    async def _refunds_of(self, reference: str) -> AsyncIterator[stripe.Refund]:
        page = await self._ask(self.client.v1.refunds.list_async({"payment_intent": reference, "limit": 100}))
        return page.auto_paging_iter()

    def webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        signature = headers.get("stripe-signature", "")
        try:
            stripe.WebhookSignature.verify_header(
                body, signature, self.webhook_secret, int(TOLERANCE.total_seconds())
            )
            event = orjson.loads(body)
            thing = event["data"]["object"]
            own = thing["object"] == "payment_intent"
            reference = thing["id"] if own else thing.get("payment_intent")
            return WebhookEvent(
                id=str(event["id"]),
                type=str(event["type"]),
                reference=reference if isinstance(reference, str) else None,
            )
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadWebhook(type(error).__name__) from error

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        """The answer to a call. Raises CardError, InvalidRequestError, and OutcomeUnknown for all else."""
        try:
            async with asyncio.timeout(self.seconds):
                return await call
        except (stripe.CardError, stripe.InvalidRequestError):
            raise
        except (stripe.StripeError, TimeoutError) as error:
            raise _unknown(error) from error


def _unknown(error: Exception) -> OutcomeUnknown:
    """Without the message, which may quote what was sent."""
    code, request = getattr(error, "code", None), getattr(error, "request_id", None)
    return OutcomeUnknown(f"Stripe: {type(error).__name__}, code {code}, request {request}")


def _reason(error: stripe.CardError | stripe.InvalidRequestError) -> str:
    """The bank's code where it gave one, such as insufficient_funds."""
    details = error.error
    return str((details and details.decline_code) or error.code or "declined")


def _state(intent: stripe.PaymentIntent) -> State:
    """Raises OutcomeUnknown while Stripe does not know either."""
    match intent.status:
        case "succeeded":
            charge = intent.latest_charge
            return Captured(charge if isinstance(charge, str) else intent.id)
        case "requires_capture":
            return Authorised()
        case "canceled":
            return Declined("cancelled")
        case "requires_payment_method" if intent.last_payment_error is not None:
            error = intent.last_payment_error
            return Declined(error.decline_code or error.code or "declined")
        case "requires_payment_method" | "requires_confirmation" | "requires_action":
            return Open()
        case _:
            raise OutcomeUnknown(f"the payment {intent.id} is {intent.status}")

"""The sandbox provider: no money, and outcomes that the test token decides.

tok_ok                      captured
tok_declined                declined (card_declined)
tok_timeout_then_captured   captured, and the first answer is lost
tok_error_once              an error that authorised nothing; the next attempt under the key goes through
anything else               declined (unknown_token)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.payments.provider import (
    Authorised,
    Captured,
    Declined,
    Initiated,
    Open,
    OutcomeUnknown,
    State,
    WebhookEvent,
)
from subgraphs.orders.payments.sandbox_webhooks import SandboxWebhooks
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore

NAME = "sandbox"
_CAPTURED = frozenset({"tok_ok", "tok_timeout_then_captured"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxProvider:
    """Its transactions are never part of an order's, as those of a real provider cannot be."""

    postgres: Postgres
    webhooks: SandboxWebhooks

    @property
    def name(self) -> str:
        return NAME

    def token(self, given: str | None) -> str:
        return "tok_ok" if given is None else given

    async def initiate(self, key: str, *, amount: Amount, token: str) -> Initiated:
        async with self.postgres.unit_of_work() as connection:
            await SandboxChargeStore(connection).insert(key, status="open", amount=amount, token=token)
        return Initiated(key)

    async def authorise(self, reference: str, *, key: str) -> State:  # noqa: ARG002 - a reference is its own key
        async with self.postgres.unit_of_work() as connection:
            charges = SandboxChargeStore(connection)
            charge = await charges.lock(reference)
            lost = charge is not None and (charge.status, charge.token) == ("open", "tok_error_once")
            if lost:
                await charges.set(reference, status="error")
            elif charge is not None and charge.status in {"open", "error"}:
                status, reason = _decision(charge.token)
                await charges.set(reference, status=status, reason=reason)
            state = _state(await charges.get(reference))
        if lost:
            raise OutcomeUnknown("the sandbox did not answer")
        self._tell(state, reference)
        return state

    async def capture(self, reference: str, *, key: str) -> State:  # noqa: ARG002 - as above
        async with self.postgres.unit_of_work() as connection:
            charges = SandboxChargeStore(connection)
            charge = await charges.lock(reference)
            first = charge is not None and charge.status == "authorised"
            if first:
                await charges.set(reference, status="captured", transaction_id=f"sbx_ch_{new_id()}")
            state = _state(await charges.get(reference))
        self._tell(state, reference)
        if first and charge is not None and charge.token == "tok_timeout_then_captured":  # noqa: S105 - no secret
            raise OutcomeUnknown("the sandbox did not answer")
        return state

    async def status(self, reference: str) -> State:
        async with self.postgres.read() as connection:
            return _state(await SandboxChargeStore(connection).get(reference))

    async def cancel(self, reference: str, *, key: str) -> Captured | Declined:  # noqa: ARG002 - as above
        async with self.postgres.unit_of_work() as connection:
            charges = SandboxChargeStore(connection)
            state = _state(await charges.lock(reference))
            if not isinstance(state, Captured | Declined):
                await charges.set(reference, status="declined", reason="cancelled")
                state = Declined("cancelled")
        self._tell(state, reference)
        return state

    async def refund(self, key: str, *, reference: str, amount: Amount) -> str:
        async with self.postgres.unit_of_work() as connection:
            charges = SandboxChargeStore(connection)
            if not isinstance(_state(await charges.get(reference)), Captured):
                raise OutcomeUnknown(f"the sandbox has captured nothing under {reference}")
            refund_id = f"sbx_re_{new_id()}"
            if not await charges.insert(key, status="refunded", amount=amount, transaction_id=refund_id):
                made = await charges.get(key)
                refund_id = "" if made is None else str(made.transaction_id)
        self.webhooks.tell("payment.refunded", reference)
        return refund_id

    def webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        return self.webhooks.read(body, headers)

    def _tell(self, state: State, reference: str) -> None:
        self.webhooks.tell(f"payment.{type(state).__name__.lower()}", reference)


def _decision(token: str | None) -> tuple[str, str | None]:
    """The status and reason of an attempt to authorise, by what its token means.

    None is that of a charge from before tokens were kept, which had failed once.
    """
    if token is None or token in _CAPTURED or token == "tok_error_once":  # noqa: S105 - no secret
        return "authorised", None
    return "declined", "card_declined" if token == "tok_declined" else "unknown_token"  # noqa: S105 - no secret


def _state(charge: Row[Any] | None) -> State:
    """What the books say. Raises OutcomeUnknown where they have nothing: whoever asks has asked the wrong provider."""
    if charge is None:
        raise OutcomeUnknown("the sandbox knows no such payment")
    match charge.status:
        case "captured":
            return Captured(charge.transaction_id)
        case "authorised":
            return Authorised()
        case "declined":
            return Declined(charge.reason or "declined")
        case _:
            return Open()

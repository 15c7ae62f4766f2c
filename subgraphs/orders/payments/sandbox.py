"""The sandbox provider: no money, and outcomes that the test token decides.

tok_ok                      captured
tok_declined                declined (card_declined)
tok_timeout_then_captured   captured, and the first answer is lost
tok_error_once              an error that captured nothing; the next attempt under the key captures
anything else               declined (unknown_token)
"""

from dataclasses import dataclass

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.orders.payments.provider import Captured, Declined, Outcome, OutcomeUnknown
from subgraphs.orders.store.sandbox_charges import SandboxChargeStore

_FIRST_ANSWER_LOST = frozenset({"tok_timeout_then_captured", "tok_error_once"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxProvider:
    """Its transactions are never part of an order's, as those of a real provider cannot be."""

    postgres: Postgres

    async def capture(self, key: str, *, amount: Amount, token: str) -> Outcome:
        async with self.postgres.unit_of_work() as connection:
            charges = SandboxChargeStore(connection)
            status, reason = _decision(token)
            # Of two captures with one key, one inserts, and the other waits here and finds its entry.
            first = await charges.insert(
                key,
                status=status,
                amount=amount,
                transaction_id=_new_charge() if status == "captured" else None,
                reason=reason,
            )
            if not first:
                await charges.capture_after_error(key, transaction_id=_new_charge())
            known = await _outcome(charges, key)
        if (first and token in _FIRST_ANSWER_LOST) or known is None:
            raise OutcomeUnknown("the sandbox did not answer")
        return known

    async def lookup(self, key: str) -> Outcome | None:
        async with self.postgres.read() as connection:
            return await _outcome(SandboxChargeStore(connection), key)

    async def refund(self, key: str, *, capture: str, amount: Amount) -> str:
        async with self.postgres.unit_of_work() as connection:
            charges = SandboxChargeStore(connection)
            if not isinstance(await _outcome(charges, capture), Captured):
                raise OutcomeUnknown(f"the sandbox knows no capture {capture}")
            await charges.insert(key, status="refunded", amount=amount, transaction_id=f"sbx_re_{new_id()}")
            refund = await charges.get(key)
            if refund is None:
                raise OutcomeUnknown(f"the sandbox lost the refund {key}")
            return str(refund.transaction_id)


def _new_charge() -> str:
    return f"sbx_ch_{new_id()}"


def _decision(token: str) -> tuple[str, str | None]:
    """The status and reason of a key that is seen for the first time, by what its token means."""
    match token:
        case "tok_ok" | "tok_timeout_then_captured":
            return "captured", None
        case "tok_error_once":
            return "error", None
        case "tok_declined":
            return "declined", "card_declined"
        case _:
            return "declined", "unknown_token"


async def _outcome(charges: SandboxChargeStore, key: str) -> Outcome | None:
    """What the books say of `key`; None where they have nothing, or an error that captured nothing."""
    charge = await charges.get(key)
    if charge is None or charge.status == "error":
        return None
    if charge.transaction_id is not None:
        return Captured(charge.transaction_id)
    return Declined(charge.reason or "declined")

"""Payment providers: the protocol, and the sandbox that stands in where no real one is configured."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres import Postgres
from subgraphs.orders.tables import sandbox_charges


@dataclass(frozen=True, slots=True)
class Captured:
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Declined:
    reason: str


Outcome = Captured | Declined


class OutcomeUnknown(Exception):
    """The provider did not answer, or answered with a fault of its own: money may or may not have moved."""


class PaymentProvider(Protocol):
    """What is needed of a provider. Every call is keyed and changes nothing the second time."""

    async def capture(self, key: str, *, amount: Amount, token: str) -> Outcome:
        """Authorise and capture. Raises OutcomeUnknown."""

    async def lookup(self, key: str) -> Outcome | None:
        """What became of `key`; None where the provider never saw it. Raises OutcomeUnknown."""

    async def refund(self, key: str, *, capture: str, amount: Amount) -> str:
        """Give `amount` of the capture keyed `capture` back; the refund's id. Raises OutcomeUnknown."""


# What the sandbox's tokens do, as the public API names them.
OK = "tok_ok"
DECLINED = "tok_declined"
TIMEOUT_THEN_CAPTURED = "tok_timeout_then_captured"
ERROR_ONCE = "tok_error_once"


class SandboxProvider:
    """A provider with books of its own and no money. Its transactions are never part of an order's."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def capture(self, key: str, *, amount: Amount, token: str) -> Outcome:
        async with self._postgres.unit_of_work() as connection:
            known = await self._find(connection, key)
            if known is None:
                outcome = await self._decide(connection, key, amount, token)
            elif known.status == "error":
                outcome = await self._settle(connection, key)
            else:
                outcome = _outcome(known.transaction_id, known.reason)
        if outcome is None or (known is None and token == TIMEOUT_THEN_CAPTURED):
            raise OutcomeUnknown("the sandbox did not answer")
        return outcome

    async def lookup(self, key: str) -> Outcome | None:
        async with self._postgres.read() as connection:
            known = await self._find(connection, key)
        if known is None or known.status == "error":
            return None
        return _outcome(known.transaction_id, known.reason)

    async def refund(self, key: str, *, capture: str, amount: Amount) -> str:
        async with self._postgres.unit_of_work() as connection:
            charge = await self._find(connection, capture)
            if charge is None or charge.status != "captured":
                raise OutcomeUnknown(f"the sandbox knows no capture {capture}")
            row = _row(key, "refunded", amount, transaction_id=f"sbx_re_{new_id()}")
            await connection.execute(upsert(sandbox_charges).values(row).on_conflict_do_nothing())
            refund = await self._find(connection, key)
            assert refund is not None  # noqa: S101 - written or found in this transaction
            return str(refund.transaction_id)

    async def _find(self, connection: AsyncConnection, key: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - a row
        return (
            await connection.execute(select(sandbox_charges).where(sandbox_charges.c.key == key))
        ).one_or_none()

    async def _decide(
        self, connection: AsyncConnection, key: str, amount: Amount, token: str
    ) -> Outcome | None:
        """The first sight of a key: what its token says. None is an error with nothing done."""
        if token == ERROR_ONCE:
            await connection.execute(insert(sandbox_charges), _row(key, "error", amount))
            return None
        if token in {OK, TIMEOUT_THEN_CAPTURED}:
            captured = Captured(f"sbx_ch_{new_id()}")
            row = _row(key, "captured", amount, transaction_id=captured.transaction_id)
            await connection.execute(insert(sandbox_charges), row)
            return captured
        declined = Declined("card_declined" if token == DECLINED else "unknown_token")
        await connection.execute(
            insert(sandbox_charges), _row(key, "declined", amount, reason=declined.reason)
        )
        return declined

    async def _settle(self, connection: AsyncConnection, key: str) -> Captured:
        captured = Captured(f"sbx_ch_{new_id()}")
        await connection.execute(
            update(sandbox_charges)
            .where(sandbox_charges.c.key == key)
            .values(status="captured", transaction_id=captured.transaction_id)
        )
        return captured


def _outcome(transaction_id: str | None, reason: str | None) -> Outcome:
    return Captured(transaction_id) if transaction_id else Declined(reason or "declined")


def _row(
    key: str, status: str, amount: Amount, *, transaction_id: str | None = None, reason: str | None = None
) -> dict[str, object]:
    return {
        "key": key,
        "status": status,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "transaction_id": transaction_id,
        "reason": reason,
    }

"""Payment providers: the protocol, and the sandbox that stands in where no real one is configured."""

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import Postgres
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


_SILENT_AT_FIRST = frozenset({"tok_timeout_then_captured", "tok_error_once"})


class SandboxProvider:
    """A provider with books of its own and no money. Its transactions are never part of an order's."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def capture(self, key: str, *, amount: Amount, token: str) -> Outcome:
        async with self._postgres.unit_of_work() as connection:
            # Of two captures with one key, one inserts, and the other waits here and finds its row.
            first = await self._insert(connection, _decision(key, amount, token))
            if not first:
                await self._settle(connection, key)
            known = await self._find(connection, key)
        if first and token in _SILENT_AT_FIRST:
            raise OutcomeUnknown("the sandbox did not answer")
        assert known is not None  # noqa: S101 - written or found in this transaction
        return _outcome(known)

    async def lookup(self, key: str) -> Outcome | None:
        async with self._postgres.read() as connection:
            known = await self._find(connection, key)
        return None if known is None or known.status == "error" else _outcome(known)

    async def refund(self, key: str, *, capture: str, amount: Amount) -> str:
        async with self._postgres.unit_of_work() as connection:
            charge = await self._find(connection, capture)
            if charge is None or charge.status != "captured":
                raise OutcomeUnknown(f"the sandbox knows no capture {capture}")
            row = _row(key, "refunded", amount, transaction_id=f"sbx_re_{new_id()}")
            await self._insert(connection, row)
            refund = await self._find(connection, key)
            assert refund is not None  # noqa: S101 - written or found in this transaction
            return str(refund.transaction_id)

    async def _insert(self, connection: AsyncConnection, row: dict[str, object]) -> bool:
        """Whether `row` was the first of its key."""
        result = await connection.execute(upsert(sandbox_charges).values(row).on_conflict_do_nothing())
        return bool(result.rowcount)

    async def _settle(self, connection: AsyncConnection, key: str) -> None:
        """Capture what an error left undone, if it did."""
        await connection.execute(
            update(sandbox_charges)
            .where(sandbox_charges.c.key == key, sandbox_charges.c.status == "error")
            .values(status="captured", transaction_id=f"sbx_ch_{new_id()}")
        )

    async def _find(self, connection: AsyncConnection, key: str) -> Row[Any] | None:
        query = select(sandbox_charges).where(sandbox_charges.c.key == key)
        return (await connection.execute(query)).one_or_none()


def _decision(key: str, amount: Amount, token: str) -> dict[str, object]:
    """What the books say of a key that is seen for the first time: what its token means."""
    match token:
        case "tok_ok" | "tok_timeout_then_captured":
            return _row(key, "captured", amount, transaction_id=f"sbx_ch_{new_id()}")
        case "tok_error_once":
            return _row(key, "error", amount)
        case "tok_declined":
            return _row(key, "declined", amount, reason="card_declined")
        case _:
            return _row(key, "declined", amount, reason="unknown_token")


def _outcome(charge: Row[Any]) -> Outcome:
    if charge.transaction_id is not None:
        return Captured(charge.transaction_id)
    return Declined(charge.reason or "declined")


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

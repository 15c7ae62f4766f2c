"""What is needed of a payment provider."""

from dataclasses import dataclass
from typing import Protocol

from subgraphs.kit.money import Amount


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
    """Every call is keyed and changes nothing the second time."""

    async def capture(self, key: str, *, amount: Amount, token: str) -> Outcome:
        """Authorise and capture. Raises OutcomeUnknown."""

    async def lookup(self, key: str) -> Outcome | None:
        """What became of `key`; None where the provider never saw it. Raises OutcomeUnknown."""

    async def refund(self, key: str, *, capture: str, amount: Amount) -> str:
        """Refund `amount` of the capture keyed `capture`; the refund's id. Raises OutcomeUnknown."""

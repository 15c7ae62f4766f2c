"""What is needed of a payment provider, and what may become of one payment there.

    initiate ──► Open ──authorise──► Authorised ──capture──► Captured ──► refund
                  │ └────────────────────┴── cancel ──► Declined
                  └──► Declined

`initiate` moves no money, and its reference is on our record before anything does. From then on a payment is found by
its reference, however long ago it was made, and no key that a provider has forgotten can charge a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from subgraphs.kit.money import Amount


@dataclass(frozen=True, slots=True)
class Initiated:
    reference: str


@dataclass(frozen=True, slots=True)
class Open:
    """No money has moved, and none does by itself."""


@dataclass(frozen=True, slots=True)
class Authorised:
    """The money is reserved for us."""


@dataclass(frozen=True, slots=True)
class Captured:
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing was taken, and nothing can be any more."""

    reason: str


State = Open | Authorised | Captured | Declined


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """What a provider tells of its own accord: that something changed, never what we believe of it.

    `reference` is that of the payment; None where the event is of something else.
    """

    id: str
    type: str
    reference: str | None


class OutcomeUnknown(Exception):
    """The provider did not answer, or answered with a fault of its own: money may or may not have moved."""


class BadWebhook(Exception):
    """A webhook whose signature is none of the provider's, or is too old, or whose body cannot be read."""


class PaymentProvider(Protocol):
    """Every call is keyed and changes nothing the second time. All but `token` and `webhook` raise OutcomeUnknown."""

    @property
    def name(self) -> str:
        """Kept with each payment, which can be carried on with its own provider only."""

    def token(self, given: str | None) -> str:
        """The token to pay with where the customer gave `given`. Raises ValidationFailed where one is needed."""

    async def initiate(self, key: str, *, amount: Amount, token: str) -> Initiated | Declined:
        """Make a payment known to the provider. Moves no money."""

    async def authorise(self, reference: str, *, key: str) -> State:
        """Reserve the money; the state where that was done before."""

    async def capture(self, reference: str, *, key: str) -> State:
        """Take what is authorised; the state where it is not or was taken before."""

    async def status(self, reference: str) -> State: ...

    async def cancel(self, reference: str, *, key: str) -> Captured | Declined:
        """Make sure that no money moves any more; Captured where it has."""

    async def refund(self, key: str, *, reference: str, amount: Amount) -> str:
        """Give back `amount` of a captured payment; the refund's id."""

    def webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent:
        """The event of a webhook's raw body, once its signature is verified. Raises BadWebhook.

        `headers` are looked up by their names in lower case.
        """


def provider_of(provider: PaymentProvider | None, name: str) -> PaymentProvider:
    """`provider`, where it is the one called `name` that a payment was made with. Raises OutcomeUnknown."""
    if provider is None or provider.name != name:
        here = "none" if provider is None else provider.name
        raise OutcomeUnknown(f"the payment is with {name}; set up here is {here}")
    return provider

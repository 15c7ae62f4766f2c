"""Webhooks: where others want to be told of events, and what became of telling them."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import NewType
from urllib.parse import SplitResult, urlsplit

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.pagination import decode_id_cursor, page_size
from subgraphs.orders.domain.addresses import is_public

WebhookId = NewType("WebhookId", str)
DeliveryId = NewType("DeliveryId", str)

MAX_URL = 2000
SECRET_PREFIX = "whsec_"  # noqa: S105 - by which people and scanners know a secret
_SECRET_BYTES = 32

EVENT_TYPES = {
    "OrderCreated": "orders",
    "OrderConfirmed": "orders",
    "OrderRejected": "orders",
    "OrderStatusChanged": "orders",
    "OrderPaid": "orders",
    "OrderShipped": "orders",
    "OrderDelivered": "orders",
    "OrderCancelled": "orders",
    "OrderExpired": "orders",
    "OrderRefunded": "orders",
    "ProductUpdated": "products",
    "StockAdjusted": "products",
    "StockReserved": "products",
    "StockReleased": "products",
}
"""What may be subscribed to, and the source that emits it.

None tells who somebody is: accounts are ids. `UserRegistered` has a name and an e-mail address, and is not offered.
"""
SOURCES = tuple(dict.fromkeys(EVENT_TYPES.values()))
TEST_EVENT = "WebhookTest"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRules:
    """Which URLs may be called. No ports means any."""

    allow_http: bool
    allow_private: bool
    ports: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`failing_since` is when the first failure came after the last success."""

    id: WebhookId
    url: str
    event_types: tuple[str, ...]
    secret: str
    previous_secret: str | None
    previous_secret_until: datetime | None
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime

    def secrets(self, now: datetime) -> list[str]:
        """Those that sign at `now`, the present one first."""
        if self.previous_secret and self.previous_secret_until and now < self.previous_secret_until:
            return [self.secret, self.previous_secret]
        return [self.secret]


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook. `attempts` counts those since it was written or replayed."""

    id: DeliveryId
    webhook_id: WebhookId
    message_id: str
    event_type: str
    body: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of sending a delivery once: the receiver's answer, or why there is none."""

    at: datetime
    duration: timedelta
    status: int | None
    response: str | None
    error: str | None

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15.3

    @property
    def is_final(self) -> bool:
        """Whether the receiver wants nothing any more: 410 Gone."""
        return self.status == 410  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """`size` deliveries of a webhook, newest first, older than `before`."""

    size: int
    before: DeliveryId | None

    @classmethod
    def parse(cls, *, first: int | None, after: str | None) -> "DeliveryPage":
        """The page that a client asks for. Raises ValidationFailed for a size or cursor that is none."""
        before = decode_id_cursor(after)
        return cls(size=page_size(first), before=None if before is None else DeliveryId(before))


def new_secret() -> str:
    """32 random bytes as `whsec_…`."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def check_url(url: str, rules: UrlRules) -> SplitResult:
    """The parts of a URL that may be called. Raises ValidationFailed for any other.

    A name is only judged by what it resolves to, each time that it is called.
    """
    parts = _parts(url)
    schemes = ("https", "http") if rules.allow_http else ("https",)
    if parts.scheme not in schemes:
        raise _refused(f"The URL begins with {' or '.join(f'{s}://' for s in schemes)}.")
    if parts.username is not None or parts.password is not None:
        raise _refused("The URL has no credentials: whoever reads it would have them. Verify the signature.")
    if parts.fragment:
        raise _refused("The URL has no fragment.")
    if rules.ports and port_of(parts) not in rules.ports:
        raise _refused(f"The port is one of {', '.join(map(str, sorted(rules.ports)))}.")
    if not rules.allow_private and _is_address(parts.hostname) and not is_public(parts.hostname or ""):
        raise _refused("The address is not of the public internet.")
    return parts


def port_of(parts: SplitResult) -> int:
    return parts.port or (80 if parts.scheme == "http" else 443)


def check_event_types(event_types: Sequence[str]) -> tuple[str, ...]:
    """The distinct ones. Raises ValidationFailed where there is none, or one that nobody emits."""
    distinct = tuple(dict.fromkeys(event_types))
    if not distinct or not set(distinct) <= EVENT_TYPES.keys():
        raise ValidationFailed(f"One or more of {', '.join(EVENT_TYPES)}.", field="input.eventTypes")
    return distinct


def _parts(url: str) -> SplitResult:
    if len(url) > MAX_URL or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise _refused(f"At most {MAX_URL} characters of ASCII, without spaces; encode others.")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        raise _refused("This is no URL.") from None
    if not parts.hostname or "\\" in url:
        raise _refused("The URL names a host.")
    return parts


def _is_address(host: str | None) -> bool:
    try:
        ip_address(host or "")
    except ValueError:
        return False
    return True


def _refused(message: str) -> ValidationFailed:
    return ValidationFailed(message, field="input.url")

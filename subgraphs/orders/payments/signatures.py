"""Signatures of webhooks: `t=<seconds>,v1=<hex>`, the HMAC-SHA256 of `<seconds>.<body>`.

The time is signed with the body, so that what was recorded once cannot be sent again much later.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from subgraphs.orders.payments.provider import BadWebhook

TOLERANCE = timedelta(minutes=5)


def sign(body: bytes, *, secret: str, at: datetime) -> str:
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_digest(body, secret, seconds)}"


def verify(body: bytes, header: str, *, secret: str, now: datetime) -> None:
    """Raises BadWebhook."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    seconds = parts.get("t", "")
    if not (seconds.isascii() and seconds.isdigit()):
        raise BadWebhook("the signature has no time")
    if not hmac.compare_digest(
        _digest(body, secret, int(seconds)).encode(), parts.get("v1", "").encode(errors="replace")
    ):
        raise BadWebhook("the signature is not that of the body")
    if abs(now.timestamp() - int(seconds)) > TOLERANCE.total_seconds():
        raise BadWebhook("the signature is too old, or of a time to come")


def _digest(body: bytes, secret: str, seconds: int) -> str:
    return hmac.new(secret.encode(), b"%d.%b" % (seconds, body), hashlib.sha256).hexdigest()

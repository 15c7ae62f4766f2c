"""Signatures of webhooks, as standardwebhooks.com has them: HMAC-SHA256 over `id.timestamp.body`."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable

from subgraphs.orders.domain.webhooks import SECRET_PREFIX


def sign(message_id: str, timestamp: int, body: str, *, secrets: Iterable[str]) -> str:
    """The value of `webhook-signature`, a signature for each of `secrets`; `timestamp` in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return " ".join(f"v1,{_digest(secret, signed)}" for secret in secrets)


def _digest(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    return b64encode(hmac.digest(key, signed, "sha256")).decode()

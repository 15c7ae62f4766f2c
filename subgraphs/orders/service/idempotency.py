"""Idempotency keys of requests, as clients send them."""

import hashlib

import orjson

from subgraphs.orders.domain.texts import check_text

MAX_KEY = 255


def check_key(key: str | None) -> None:
    """Raises ValidationFailed for a key that cannot be kept."""
    check_text(key, field="idempotencyKey", least=1, most=MAX_KEY)


def digest_of(*parts: object) -> str:
    """Equal for equal requests."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()

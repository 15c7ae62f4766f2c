"""Identifiers: UUIDv7 (RFC 9562), so that primary keys grow with time and index pages stay warm."""

import re
from datetime import datetime

import uuid_utils

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id(at: datetime | None = None) -> str:
    """A fresh UUIDv7 in its canonical text form, sorted as what happened `at`; by default now."""
    if at is None:
        return str(uuid_utils.uuid7())
    # Whole microseconds: a float of today's seconds has no more.
    return str(uuid_utils.uuid7(nanoseconds=round(at.timestamp() * 1_000_000) * 1000))


def is_id(value: str) -> bool:
    """Whether `value` is a UUID in canonical text form.

    Stores use it to answer "not found" for a malformed id, instead of asking a database that would
    refuse the whole batch for one bad key.
    """
    return _CANONICAL.fullmatch(value) is not None

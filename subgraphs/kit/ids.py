"""Identifiers: UUIDv7 (RFC 9562), so that primary keys grow with time and index pages stay warm."""

import re

import uuid_utils

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id() -> str:
    """A fresh UUIDv7 in its canonical text form."""
    return str(uuid_utils.uuid7())


def is_id(value: str) -> bool:
    """Whether `value` is a UUID in canonical text form.

    Stores use it to answer "not found" for a malformed id, instead of asking a database that would
    refuse the whole batch for one bad key.
    """
    return _CANONICAL.fullmatch(value) is not None

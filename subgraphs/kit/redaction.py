"""What no log line may hold: tokens, passwords and secrets, and e-mail addresses.

Code that logs is not to log them in the first place. This is for what gets in by another way: the message of an
exception that quotes a row, a library's line with an address of a store, a header that somebody logs one day.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any
from uuid import UUID

HIDDEN = "[redacted]"

_KEYS = re.compile(
    r"(?:^|[_-])(?:password|passwd|token|secret|authorization|cookie|credentials?|email)s?$", re.IGNORECASE
)

_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
# From the beginning of a word only: its time is to be linear in texts that clients send.
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]++@[\w-]+(?:\.[\w-]+)+")
_LOGIN_OF_URL = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
# 32 random bytes as `secrets.token_urlsafe` writes them, as e-mails carry; a refresh token is 64 of them.
_OPAQUE = re.compile(r"(?<![\w-])(?:[\w-]{43}|[\w-]{86})(?![\w-])")
_KEYS_OF_PROVIDERS = re.compile(r"\b(?:sk|rk|pk|whsec)_\w{8,}")
_OPAQUE_LENGTH = 43


class Readable(str):
    """A text that is logged to be read as it is: an e-mail on the console of who develops."""

    __slots__ = ()


_AS_THEY_ARE = (bool, int, float, date, UUID, Enum, Readable)


def redacted(text: str) -> str:
    """`text` with `HIDDEN` in the place of what must not be read. The quick looks keep most lines from the patterns."""
    if "@" in text:
        text = _EMAIL.sub(HIDDEN, _LOGIN_OF_URL.sub(HIDDEN, text))
    if "eyJ" in text:
        text = _JWT.sub(HIDDEN, text)
    if "earer" in text or "asic" in text:
        text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    if "k_" in text or "sec_" in text:
        text = _KEYS_OF_PROVIDERS.sub(HIDDEN, text)
    if len(text) >= _OPAQUE_LENGTH:
        text = _OPAQUE.sub(HIDDEN, text)
    return text


def without_secrets(event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a log line: what a key names as secret is hidden whole, other texts by their patterns, at any depth."""
    return {
        key: HIDDEN if value and _names_secret(key) and not isinstance(value, _AS_THEY_ARE) else _clean(value)
        for key, value in event.items()
    }


def _names_secret(key: object) -> bool:
    return isinstance(key, str) and _KEYS.search(key) is not None


def _clean(value: Any) -> Any:
    if value.__class__ is str:
        return redacted(value)
    if value is None or isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each) for each in value]
    return redacted(str(value))

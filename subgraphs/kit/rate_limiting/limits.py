"""Limits: leaky buckets whose overflow is answered with a wait that doubles.

A bucket holds a count that leaks away evenly: a rate of `5/24h` forgives five in a day. As long as the
count is below the burst, attempts pass; from then on each that counts doubles the wait before the next.
"""

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from subgraphs.kit.settings import parse_duration


@dataclass(frozen=True, slots=True)
class Limit:
    """A burst of attempts, forgiven over `window`, and the waits that follow it."""

    burst: int
    window: timedelta


def parse_rate(value: object) -> object:
    """`"50/15m"` as a limit of 50 forgiven over 15 minutes; `"off"` as none."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "off":
        return None
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\S+)\s*", value)
    window = parse_duration(match[2]) if match else None
    if match is None or not isinstance(window, timedelta) or not window or not int(match[1]):
        raise ValueError(f"{value!r} is not a rate; write it like 50/15m (attempts/time), or off")
    return Limit(int(match[1]), window)


def _text(limit: Limit | None) -> str:
    return f"{limit.burst}/{limit.window.total_seconds():g}s" if limit else "off"


Rate = Annotated[Any, BeforeValidator(parse_rate), PlainSerializer(_text)]
"""The type of a setting that holds a Limit, or None for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One count: its key, its limit, and the name of what is attempted, of which there are few.

    `forgiving`: a success empties it. That is for the attempts of one client on one account, where a success
    shows that the failures were typing errors. A bucket that accounts share must not be forgiving: an attacker
    would empty it by logging in to an account of his own.
    """

    key: str
    limit: Limit
    attempt: str = "other"
    forgiving: bool = False


class Outcome(StrEnum):
    """How an admitted attempt ended. VOID is neither: it failed for reasons of ours."""

    FAILED = "failed"
    SUCCEEDED = "succeeded"
    VOID = "void"


def rounded(count: float) -> int:
    """A count as limits see it: what has leaked within seconds of a burst must not give one attempt more."""
    return math.floor(count + 0.5)

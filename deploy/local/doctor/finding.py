"""One thing that was looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; a fault alone makes the command fail."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """`found` is what is there, in one line; `remedy` the way out, empty where none is needed."""

    what: str
    level: Level
    found: str
    remedy: str = ""


def ok(what: str, found: str) -> Finding:
    return Finding(what, Level.OK, found)


def note(what: str, found: str, remedy: str) -> Finding:
    return Finding(what, Level.NOTE, found, remedy)


def fault(what: str, found: str, remedy: str) -> Finding:
    return Finding(what, Level.FAULT, found, remedy)

"""Looks through the logs of a system for what no log may hold."""

import re
from pathlib import Path

# Written apart from `kit/redaction.py`, so that a pattern which is wrong there is not wrong here, too.
_FORBIDDEN = {
    "a JWT": re.compile(rb"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"),
    "an e-mail address": re.compile(rb"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"),
    "a password": re.compile(rb"password123|a much better one|a long password"),
    "an opaque token": re.compile(rb"(?<![A-Za-z0-9_.-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
    "a refresh token": re.compile(rb"(?<![A-Za-z0-9_.-])[A-Za-z0-9_-]{86}(?![A-Za-z0-9_-])"),
}


def leaks(folder: Path) -> list[str]:
    """One line for each kind of secret in each `*.log` of `folder`, with the line where it first stands."""
    found = []
    for path in sorted(folder.glob("*.log")):
        content = path.read_bytes()
        for kind, pattern in _FORBIDDEN.items():
            if match := pattern.search(content):
                start = content.rfind(b"\n", 0, match.start()) + 1
                line = content[start : content.find(b"\n", match.end())].decode(errors="replace")
                found.append(f"{path.name} holds {kind}: {line[:400]}")
    return found

"""What of Redis cannot be made again: the streams of events with their readers' places, and the revoked sessions.

Caches, limits on requests and the like are left out: they would be older than the stores, and come back by themselves.
"""

import base64
import json
from pathlib import Path
from typing import cast

from redis import Redis

KEPT = ("events:*", "revoked:*")
_BATCH = 500


def save(url: str, file: Path) -> int:
    """A line of JSON for each key; returns how many."""
    count = 0
    with Redis.from_url(url) as redis, file.open("w") as lines:
        for pattern in KEPT:
            for key in redis.scan_iter(match=pattern, count=_BATCH):
                value = cast("bytes | None", redis.dump(key))
                if value is None:
                    continue  # it ended meanwhile
                until = cast("int", redis.pexpiretime(key))
                line = {"key": _text(key), "value": _text(value), "until": max(until, 0)}
                lines.write(json.dumps(line) + "\n")
                count += 1
    return count


def load(url: str, file: Path) -> int:
    """Put back what `save` wrote; what has ended since stays away. Returns how many keys were read."""
    count = 0
    with Redis.from_url(url) as redis, file.open() as lines:
        for line in map(json.loads, lines):
            key, value = base64.b64decode(line["key"]), base64.b64decode(line["value"])
            redis.restore(key, line["until"], value, replace=True, absttl=bool(line["until"]))
            count += 1
    return count


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()

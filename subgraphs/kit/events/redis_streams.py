"""Events in Redis Streams: one stream for each source, and one of its dead letters.

A group begins at the start of the stream. What was delivered to a process and is not acknowledged for a while is
taken over by another one; Redis counts the deliveries.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from subgraphs.kit.events.spans import publishing
from subgraphs.kit.events.streams import dead_letters_of, stream_of
from subgraphs.kit.events.transport import Backlog, DeadLetter, Delivery, OutgoingEvent
from subgraphs.kit.ids import new_id
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import EVENTS_PUBLISHED, EVENTS_REFUSED

log = get_logger(__name__)

_STREAM_LENGTH = 100_000
_MOST_DEAD_LETTERS = 10_000
_BATCH = 50
_OUTAGE_PAUSE = timedelta(seconds=1)
_FORGOTTEN_AFTER = timedelta(hours=1)

# The server takes no event at the moment; nothing is wrong with this one.
_NOT_NOW = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError)

# Puts a dead letter back for its group alone, if it is still there: both or neither, however many ask.
_REPLAY = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'event', ARGV[2], 'group', ARGV[3])
return 1
"""

# Each process is a consumer of its own, and Redis never forgets one by itself.
_FORGET_IDLE = """
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  if consumer.pending == 0 and consumer.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
  end
end
"""


class RedisStreams:
    """`block` is how long a subscription waits for the next event: less than the Redis client's time-out.

    `idle` is after which time an event counts as left by its process, and comes again: more than a handler takes.
    """

    system = "redis"

    def __init__(
        self,
        redis: Redis,
        *,
        block: timedelta = timedelta(seconds=1),
        idle: timedelta = timedelta(seconds=60),
    ) -> None:
        self._redis = redis
        self._block, self._idle = block, idle

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
        """See Publisher. What Redis refuses is all of a stream whose key holds something else."""
        if not events:
            return []
        with publishing(events, system=self.system):
            answers = await self._append(events)
        taken = []
        for event, answer in zip(events, answers, strict=True):
            if isinstance(answer, _NOT_NOW):
                raise answer
            if isinstance(answer, Exception):
                EVENTS_REFUSED.labels(event.type).inc()
                log.error("event_refused", event_id=event.id, type=event.type, error=str(answer))
            else:
                EVENTS_PUBLISHED.labels(event.type).inc()
                taken.append(event)
        return taken

    async def _append(self, events: Sequence[OutgoingEvent]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.xadd(
                    stream_of(event.source),
                    {"event": event.envelope},
                    maxlen=_STREAM_LENGTH,
                    approximate=True,
                )
            return await pipe.execute(raise_on_error=False)

    def subscribe(self, source: str, group: str) -> "RedisSubscription":
        return RedisSubscription(self._redis, source, group, block=self._block, idle=self._idle)

    def dead_letters(self) -> "RedisDeadLetters":
        return RedisDeadLetters(self._redis)


class RedisSubscription:
    """One consumer of the group, under a name that no other process has."""

    def __init__(self, redis: Redis, source: str, group: str, *, block: timedelta, idle: timedelta) -> None:
        self._redis = redis
        self._stream, self._dead_letters = stream_of(source), dead_letters_of(source)
        self._group = group
        self._name = new_id()
        self._block, self._idle = _milliseconds(block), _milliseconds(idle)
        self._held: dict[str, None] = {}
        """What was delivered to this process and is not settled yet, in its order."""
        self._held_since = 0.0

    async def receive(self) -> Sequence[Delivery]:
        """What others have left, then what is new."""
        try:
            left = await self._left_by_others()
            fresh: Any = await self._redis.xreadgroup(
                self._group,
                self._name,
                {self._stream: ">"},
                count=_BATCH,
                block=None if left else self._block,
            )
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self._create_group()
            return []
        deliveries = list(left)
        for entry_id, fields in fresh[0][1] if fresh else ():
            if fields.get("group", self._group) == self._group:
                deliveries.append(Delivery(entry_id, fields.get("event", ""), attempts=1))
            else:  # replayed for another group
                await self._redis.xack(self._stream, self._group, entry_id)
        self._held = dict.fromkeys(delivery.tag for delivery in deliveries)
        self._held_since = time.monotonic()
        return deliveries

    async def _create_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # another process was faster
                raise

    async def _left_by_others(self) -> list[Delivery]:
        """The next event that was delivered and not acknowledged for a while, now delivered to this process.

        One at a time: where it takes the process with it, no other one has its deliveries counted.
        """
        _, entries, *_ = await self._redis.xautoclaim(
            self._stream, self._group, self._name, min_idle_time=self._idle, count=1
        )
        return [
            Delivery(entry_id, fields.get("event", ""), await self._attempts(entry_id))
            for entry_id, fields in entries
        ]

    async def _attempts(self, entry_id: str) -> int:
        pending: Any = await self._redis.xpending_range(self._stream, self._group, entry_id, entry_id, 1)
        return int(pending[0]["times_delivered"]) if pending else 1

    async def acknowledge(self, delivery: Delivery) -> None:
        await self._redis.xack(self._stream, self._group, delivery.tag)
        await self._keep_the_rest(delivery)

    async def postpone(self, delivery: Delivery, *, counted: bool) -> None:
        """A failed event waits like one whose process has died; after an outage it comes again soon."""
        if not counted:
            await self._claim(
                [delivery.tag],
                idle=max(0, self._idle - _milliseconds(_OUTAGE_PAUSE)),
                retrycount=delivery.attempts - 1,
            )
        await self._keep_the_rest(delivery)

    async def bury(self, delivery: Delivery, reason: str) -> None:
        letter = {"event": delivery.text, "entry": delivery.tag, "group": self._group, "reason": reason}
        # First there, then gone from here: a crash in between leaves it twice and never nowhere.
        await self._redis.xadd(self._dead_letters, letter, maxlen=_MOST_DEAD_LETTERS, approximate=True)  # type: ignore[arg-type] # invariant dict
        await self.acknowledge(delivery)

    async def _keep_the_rest(self, settled: Delivery) -> None:
        """Have what waits for its turn behind `settled` not pass for left, where that took long."""
        self._held.pop(settled.tag, None)
        if self._held and (time.monotonic() - self._held_since) * 4000 > self._idle:
            await self._claim(list(self._held))
            self._held_since = time.monotonic()

    async def _claim(self, tags: list[str], *, idle: int = 0, retrycount: int | None = None) -> None:
        """Set the idle time of `tags`, to none by default; it counts as no delivery."""
        await self._redis.xclaim(
            self._stream,
            self._group,
            self._name,
            min_idle_time=0,
            message_ids=tags,  # type: ignore[arg-type] # invariant list
            idle=idle,
            retrycount=retrycount,
            justid=True,
        )

    async def backlog(self) -> Backlog:
        """Also has Redis forget the processes of the group that are long gone and have left nothing."""
        groups: Any = await self._redis.xinfo_groups(self._stream)
        own = next((group for group in groups if group["name"] == self._group), None)
        dead = int(await self._redis.xlen(self._dead_letters))
        if own is None:
            return Backlog(0, int(await self._redis.xlen(self._stream)), dead)
        forgotten = str(_milliseconds(_FORGOTTEN_AFTER))
        await self._redis.eval(_FORGET_IDLE, 1, self._stream, self._group, forgotten)
        # Redis does not know its lag where entries were deleted; what has been read is at most the whole stream.
        lag = own.get("lag")
        return Backlog(int(own["pending"]), int(lag) if lag is not None else 0, dead)

    async def close(self) -> None:
        """The connection is the client's."""


class RedisDeadLetters:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def list(self, source: str) -> Sequence[DeadLetter]:
        entries: Any = await self._redis.xrange(dead_letters_of(source))
        return [
            DeadLetter(
                tag=entry_id,
                source=source,
                group=fields.get("group", ""),
                reason=fields.get("reason", ""),
                text=fields.get("event", ""),
            )
            for entry_id, fields in entries
        ]

    async def replay(self, letter: DeadLetter) -> bool:
        keys = (dead_letters_of(letter.source), stream_of(letter.source))
        moved: Any = await self._redis.eval(_REPLAY, 2, *keys, letter.tag, letter.text, letter.group)
        return bool(moved)


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)

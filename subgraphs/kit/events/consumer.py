"""Reading a stream of events as one of many processes: each event is handled at least once by the group.

A group begins at the start of the stream. An entry that was delivered to a process which has died is taken over by
another one when it has been idle for a while. An entry is acknowledged after its handler has returned, so a handler
may see an event again and must be idempotent, by the event's id. One that keeps failing, or cannot be read, goes to
the stream's dead letters (`…:dead`) and holds up nobody.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from subgraphs.kit.background import Job
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.events.event import Event, MalformedEventError
from subgraphs.kit.events.streams import dead_letters_of, stream_of
from subgraphs.kit.ids import new_id
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import EVENTS_CONSUMED
from subgraphs.kit.outages import is_outage

log = get_logger(__name__)

Handler = Callable[[Event], Awaitable[None]]
_Entry = tuple[str, dict[str, str]]

_BATCH = 100
_MOST_DEAD_LETTERS = 10_000


class Consumer:
    """Handles the events of `source` as a member of `group`.

    `block` is how long it waits for the next event: less than the Redis client's time-out. `idle` is after which
    time an entry counts as left by its process: more than a handler takes.
    """

    def __init__(
        self,
        redis: Redis,
        handler: Handler,
        *,
        source: str,
        group: str,
        block: timedelta = timedelta(seconds=1),
        idle: timedelta = timedelta(seconds=60),
        max_attempts: int = 5,
    ) -> None:
        self._redis = redis
        self._handler = handler
        self._stream = stream_of(source)
        self._dead_letters = dead_letters_of(source)
        self._group = group
        self._name = new_id()
        self._block, self._idle = (int(t.total_seconds() * 1000) for t in (block, idle))
        self._max_attempts = max_attempts

    @property
    def job(self) -> Job:
        return Job(name=f"consumer_{self._group}", run_once=self.consume_batch, every=0)

    async def consume_batch(self) -> bool:
        """Handle what others have left, then what is new. Raises what the store raises."""
        try:
            left = await self._left_by_others()
            fresh: Any = await self._redis.xreadgroup(
                self._group, self._name, {self._stream: ">"}, count=_BATCH, block=self._block
            )
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self._create_group()
            return True
        new: Sequence[_Entry] = fresh[0][1] if fresh else ()
        for entry in [*left, *new]:
            await self._handle(*entry)
        return True

    async def _create_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # another process was faster
                raise

    async def _left_by_others(self) -> list[_Entry]:
        """Entries that were delivered and not acknowledged for a while, now delivered to this process."""
        _, entries, *_ = await self._redis.xautoclaim(
            self._stream, self._group, self._name, min_idle_time=self._idle, count=_BATCH
        )
        alive = []
        for entry_id, fields in entries:
            if await self._attempts(entry_id) > self._max_attempts:
                await self._bury(entry_id, fields, f"given up after {self._max_attempts} attempts")
            else:
                alive.append((entry_id, fields))
        return alive

    async def _attempts(self, entry_id: str) -> int:
        pending: Any = await self._redis.xpending_range(self._stream, self._group, entry_id, entry_id, 1)
        return int(pending[0]["times_delivered"]) if pending else 1

    async def _handle(self, entry_id: str, fields: dict[str, str]) -> None:
        try:
            event = Event.from_json(fields.get("event", ""))
        except MalformedEventError as error:
            await self._bury(entry_id, fields, str(error))
            return
        try:
            await self._handler(event)
        except Exception as error:
            if isinstance(error, Unavailable) or is_outage(error):
                log.warning("event_waits", event_id=event.id, type=event.type, error=repr(error))
            else:
                log.exception("event_not_handled", event_id=event.id, type=event.type)
            self._count("failed")
            return  # it stays pending, and comes again when it has been idle
        await self._redis.xack(self._stream, self._group, entry_id)
        self._count("handled")

    async def _bury(self, entry_id: str, fields: dict[str, str], reason: str) -> None:
        letter = {**fields, "entry": entry_id, "group": self._group, "reason": reason}
        # First there, then gone from here: a crash in between leaves it twice and never nowhere.
        await self._redis.xadd(self._dead_letters, letter, maxlen=_MOST_DEAD_LETTERS, approximate=True)  # type: ignore[arg-type] # invariant dict
        await self._redis.xack(self._stream, self._group, entry_id)
        log.error("event_given_up", entry_id=entry_id, stream=self._stream, reason=reason)
        self._count("dead")

    def _count(self, outcome: str) -> None:
        EVENTS_CONSUMED.labels(self._stream, self._group, outcome).inc()

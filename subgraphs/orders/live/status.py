"""Live order status: one reader of the event stream in each process, fanned out to subscribers.

A subscriber's cursor is the order's own `seq`. It registers here first, then reads what it missed from
the database, then follows; what comes twice is dropped and what is missing is read again, so it sees
1, 2, 3 … exactly whatever the stream does. While Redis is away, it falls back to reading now and then.
"""

import asyncio
import contextlib
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from subgraphs.kit.background import Job
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.events.event import Event, MalformedEventError
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.logs import get_logger
from subgraphs.orders.domain.events import SOURCE, STATUS_CHANGED
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.orders import OrderEvent
from subgraphs.orders.domain.transitions import TERMINAL

log = get_logger(__name__)

_READ = 500
_LOOK_AGAIN = sys.maxsize
_FALLBACK_SECONDS = 5.0

Read = Callable[[int], Awaitable[list[OrderEvent]]]


@dataclass(eq=False, slots=True)
class _Subscriber:
    """One subscription: the last event that it has delivered, and a flag that there may be later ones.

    It is a flag and not a queue, since the events themselves are in the database: a client that reads
    slowly costs no memory, holds nobody up, and finds everything when it comes back for more.
    """

    seen: int
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def signal(self, seq: int) -> None:
        if seq > self.seen:
            self.wake.set()


class LiveStatus:
    """`timeout` is the Redis client's for one answer, in seconds."""

    def __init__(self, redis: Redis, *, timeout: float) -> None:
        self._redis = redis
        # Shorter than the client's time-out, or an idle stream would look like a dead server.
        self._block_ms = max(1, int(timeout * 500))
        self._subscribers: defaultdict[str, set[_Subscriber]] = defaultdict(set)

    @property
    def job(self) -> Job:
        return Job(name="live_status", run_once=self.run, every=1.0)

    async def run(self) -> None:
        """Follow the stream from its present end until cancelled; what was missed before is read again.

        Ends by the exception of an outage, and is then run again: where the stream was lost with its ids,
        following from an old one would wait for ever.
        """
        stream = stream_of(SOURCE)
        tail = await self._redis.xrevrange(stream, count=1)
        last: Any = tail[0][0] if tail else "0-0"
        self._signal_all()
        while True:
            found: Any = await self._redis.xread({stream: last}, count=_READ, block=self._block_ms)
            for _, entries in found or ():
                for entry_id, fields in entries:
                    last = entry_id
                    self._dispatch(fields)

    def _dispatch(self, fields: dict[str, str]) -> None:
        try:
            event = Event.from_json(fields["event"])
            if event.type != STATUS_CHANGED:
                return
            order_id, seq = event.data["order_id"], int(event.data["seq"])
        except (MalformedEventError, KeyError, TypeError, ValueError) as error:
            log.warning("event_unreadable", error=repr(error))
            return
        for subscriber in self._subscribers.get(order_id, ()):
            subscriber.signal(seq)

    def _signal_all(self) -> None:
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.signal(_LOOK_AGAIN)

    async def follow(
        self, order_id: OrderId, *, after_seq: int, until: float | None, read: Read
    ) -> AsyncGenerator[OrderEvent, None]:
        """The events of one order with `seq > after_seq`, each once and in order, to its terminal state.

        `read(seq)` gives the stored events after `seq`. Raises Unauthenticated at the instant `until`
        (seconds since the epoch), when the token that opened the stream ends.
        """
        subscriber = _Subscriber(seen=after_seq)
        self._subscribers[order_id].add(subscriber)
        try:
            while True:
                subscriber.wake.clear()
                for event in await read(subscriber.seen):
                    subscriber.seen = event.seq
                    yield event
                    if event.status in TERMINAL:
                        return
                await self._wait(subscriber, until)
        finally:
            self._subscribers[order_id].discard(subscriber)
            if not self._subscribers[order_id]:
                del self._subscribers[order_id]

    async def _wait(self, subscriber: _Subscriber, until: float | None) -> None:
        """Until there is reason to read again: a seq that was not seen, or the fallback's time."""
        left = _FALLBACK_SECONDS if until is None else min(_FALLBACK_SECONDS, until - time.time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await subscriber.wake.wait()
        if until is not None and time.time() >= until:
            raise Unauthenticated(
                f"The access token has expired; subscribe again with afterSeq: {subscriber.seen}."
            )

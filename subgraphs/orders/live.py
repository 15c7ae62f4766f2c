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

import orjson
from redis.asyncio import Redis

from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.logs import get_logger
from subgraphs.orders.domain import TERMINAL, OrderEvent, OrderId
from subgraphs.orders.events import SOURCE, STATUS_CHANGED

log = get_logger(__name__)

_READ = 500
_LOOK_AGAIN = sys.maxsize
_FALLBACK_SECONDS = 5.0

Read = Callable[[int], Awaitable[list[OrderEvent]]]


@dataclass(eq=False, slots=True)
class _Subscriber:
    """The bell of one subscription: something it may not have seen was announced.

    It is a bell and not a queue, since the events themselves are in the database: a client that reads
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

    async def run(self) -> None:
        """Follow the stream until cancelled; after an outage everybody looks again."""
        stream = stream_of(SOURCE)
        last: Any = None
        while True:
            try:
                if last is None:
                    tail = await self._redis.xrevrange(stream, count=1)
                    last = tail[0][0] if tail else "0-0"
                    self._signal_all()
                found: Any = await self._redis.xread({stream: last}, count=_READ, block=self._block_ms)
                for _, entries in found or ():
                    for entry_id, fields in entries:
                        last = entry_id
                        self._dispatch(fields)
            except Exception as error:  # noqa: BLE001 - one bad round must not end the reader
                log.warning("live_status_interrupted", error=repr(error))
                # Where the stream was lost with its ids, following from the old one would wait for ever.
                last = None
                await asyncio.sleep(1)

    def _dispatch(self, fields: dict[str, str]) -> None:
        try:
            envelope = orjson.loads(fields["event"])
            if envelope["type"] != STATUS_CHANGED:
                return
            order_id, seq = envelope["data"]["order_id"], int(envelope["data"]["seq"])
        except (KeyError, TypeError, ValueError) as error:
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

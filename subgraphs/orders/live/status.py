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
from subgraphs.orders.live.admission import Admission
from subgraphs.orders.live.follower import StreamFollower
from subgraphs.orders.settings import LiveSettings

log = get_logger(__name__)

_LOOK_AGAIN = sys.maxsize

Read = Callable[[int], Awaitable[list[OrderEvent]]]
Check = Callable[[], Awaitable[None]]


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

    def __init__(self, redis: Redis, settings: LiveSettings, *, timeout: float) -> None:
        self.admission = Admission(per_account=settings.per_account, per_process=settings.per_process)
        self._look = settings.fallback.total_seconds()
        self._looks_while_told = max(1, round(settings.idle_read / settings.fallback))
        self._follower = StreamFollower(
            redis,
            stream_of(SOURCE),
            block=max(1, int(timeout * 500)),
            on_entry=self._dispatch,
            on_gap=self._signal_all,
        )
        self._subscribers: defaultdict[str, set[_Subscriber]] = defaultdict(set)

    @property
    def job(self) -> Job:
        return Job(name="live_status", run_once=self._follower.run, every=1.0)

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
        self, order_id: OrderId, *, after_seq: int, until: float | None, read: Read, check: Check
    ) -> AsyncGenerator[OrderEvent, None]:
        """The events of one order with `seq > after_seq`, each once and in order, to its terminal state.

        `read(seq)` gives the stored events after `seq`. `check()` is called before each read, and now and then
        while nothing happens; it raises when the subscriber may listen no more. Raises Unauthenticated at the
        instant `until` (seconds since the epoch), when the token that opened the stream ends.
        """
        subscriber = _Subscriber(seen=after_seq)
        self._subscribers[order_id].add(subscriber)
        try:
            while True:
                subscriber.wake.clear()
                await check()
                for event in await read(subscriber.seen):
                    subscriber.seen = event.seq
                    yield event
                    if event.status in TERMINAL:
                        return
                await self._wait(subscriber, until, check)
        finally:
            self._subscribers[order_id].discard(subscriber)
            if not self._subscribers[order_id]:
                del self._subscribers[order_id]

    async def _wait(self, subscriber: _Subscriber, until: float | None, check: Check) -> None:
        """Until there is reason to read again: a seq that was not seen, or the time to look without being told.

        That time is the fallback's at most once the stream is lost, and longer as long as it is followed.
        """
        for _ in range(self._looks_while_told):
            left = self._look if until is None else min(self._look, until - time.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await subscriber.wake.wait()
            if until is not None and time.time() >= until:
                raise Unauthenticated(
                    f"The access token has expired; subscribe again with afterSeq: {subscriber.seen}."
                )
            if subscriber.wake.is_set() or not self._follower.following:
                return
            await check()

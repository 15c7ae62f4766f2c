"""Reading a stream of events as one of many processes: each event is handled at least once by the group.

An event is acknowledged after its handler has returned, so a handler may see one again: it is idempotent by the
event's id, as one with an inbox is (`kit/postgres/inbox.py`). An event that keeps failing, or cannot be read, goes to
the dead letters of its source and holds up nobody; it comes again after those behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from subgraphs.kit.background import Job, measurement
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.events.event import Event, MalformedEventError
from subgraphs.kit.events.spans import handling
from subgraphs.kit.events.transport import Delivery, Transport
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import EVENTS_CONSUMED, EVENTS_DEAD, EVENTS_LAG, EVENTS_PENDING
from subgraphs.kit.outages import is_outage

log = get_logger(__name__)

Handler = Callable[[Event], Awaitable[None]]

_REASON_LENGTH = 500


class Consumer:
    """Handles the events of `source` as a member of `group`.

    `limit` is how long a handler may take: more than the time-outs of the stores that it uses, and less than the time
    after which the transport takes the event for left.
    An outage of what the handler needs is no fault of the event: it waits and is not counted as an attempt.
    """

    def __init__(
        self,
        transport: Transport,
        handler: Handler,
        *,
        source: str,
        group: str,
        max_attempts: int = 5,
        limit: timedelta = timedelta(seconds=20),
    ) -> None:
        self._subscription = transport.subscribe(source, group)
        self._system = transport.system
        self._handler = handler
        self._source = source
        self._group = group
        self._max_attempts = max_attempts
        self._limit = limit.total_seconds()

    @property
    def jobs(self) -> tuple[Job, Job]:
        """One that consumes, and one that measures how far behind the group is."""
        return (
            Job(name=f"consumer_{self._group}", run_once=self.consume_batch, every=0),
            measurement(f"backlog_{self._group}", self.measure),
        )

    async def close(self) -> None:
        await self._subscription.close()

    async def consume_batch(self) -> bool:
        """Handle what there is. Raises what the transport raises, and the outage that all of a batch has met."""
        outage: Exception | None = None
        handled = False
        for delivery in await self._subscription.receive():
            error = await self._consume(delivery)
            outage, handled = error or outage, handled or error is None
        if outage is not None and not handled:
            raise outage  # no use to go on at this pace: the job's runner waits ever longer
        return True

    async def measure(self) -> None:
        backlog = await self._subscription.backlog()
        EVENTS_PENDING.labels(self._source, self._group).set(backlog.pending)
        EVENTS_LAG.labels(self._source, self._group).set(backlog.lag)
        EVENTS_DEAD.labels(self._source).set(backlog.dead)

    async def _consume(self, delivery: Delivery) -> Exception | None:
        """Handle one event and settle it. Returns the outage that prevented it, if one did."""
        if delivery.attempts > self._max_attempts:
            # No attempt has come to an end, or it would have been counted: each took its process with it.
            await self._bury(delivery, f"{self._max_attempts} attempts did not come to an end")
            return None
        try:
            event = Event.from_json(delivery.text)
        except MalformedEventError as error:
            await self._bury(delivery, str(error))
            return None
        try:
            await self._handle(event)
        except Exception as error:  # noqa: BLE001 - reported, and settled below
            if isinstance(error, Unavailable) or is_outage(error):
                log.warning("event_waits", event_id=event.id, type=event.type, error=repr(error))
                await self._subscription.postpone(delivery, counted=False)
                self._count("postponed")
                return error
            await self._fail(delivery, event, error)
            return None
        await self._subscription.acknowledge(delivery)
        self._count("handled")
        return None

    async def _handle(self, event: Event) -> None:
        try:
            async with asyncio.timeout(self._limit) as limit:
                with handling(event, group=self._group, system=self._system):
                    await self._handler(event)
        except TimeoutError as error:
            if limit.expired():
                raise HandlerTooSlowError(f"not handled within {self._limit:g} s") from error
            raise

    async def _fail(self, delivery: Delivery, event: Event, error: Exception) -> None:
        if delivery.attempts >= self._max_attempts:
            log.error("event_not_handled", event_id=event.id, type=event.type, exc_info=error)
            await self._bury(delivery, f"{error!r}, after {delivery.attempts} attempts")
            return
        log.warning("event_failed", event_id=event.id, type=event.type, error=repr(error))
        await self._subscription.postpone(delivery, counted=True)
        self._count("failed")

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        await self._subscription.bury(delivery, reason[:_REASON_LENGTH])
        log.error("event_given_up", source=self._source, group=self._group, tag=delivery.tag, reason=reason)
        self._count("dead")

    def _count(self, outcome: str) -> None:
        EVENTS_CONSUMED.labels(self._source, self._group, outcome).inc()


class HandlerTooSlowError(Exception):
    """A handler that did not return in its time: a fault of ours or of the event, and no outage."""

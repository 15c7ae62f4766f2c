"""Changes of status in Redis for those who wait for them, whatever carries the events."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.events.transport import OutgoingEvent, Publisher
from subgraphs.kit.logs import get_logger
from subgraphs.orders.domain.events import SOURCE, STATUS_CHANGED

log = get_logger(__name__)

_STREAM_LENGTH = 10_000


class StatusWakeUps:
    """Publishes through `publisher`, and writes the changes of status that it took to the stream LiveStatus follows.

    For events that another server carries than the one of live status. A change that Redis does not get is seen later,
    when subscriptions look by themselves; it never holds up the events.
    """

    def __init__(self, publisher: Publisher, redis: Redis) -> None:
        self._publisher = publisher
        self._redis = redis

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
        taken = await self._publisher.publish(events)
        changes = [event for event in taken if event.type == STATUS_CHANGED]
        if changes:
            await self._wake(changes)
        return taken

    async def _wake(self, changes: Sequence[OutgoingEvent]) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for event in changes:
                    fields: dict[Any, Any] = {"event": event.envelope}
                    pipe.xadd(stream_of(SOURCE), fields, maxlen=_STREAM_LENGTH, approximate=True)
                await pipe.execute()
        except RedisError as error:
            log.warning("status_wake_ups_lost", count=len(changes), error=repr(error))

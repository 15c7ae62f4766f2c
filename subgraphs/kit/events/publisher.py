"""The one place where events enter their streams."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    OutOfMemoryError,
    ReadOnlyError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import EVENTS_PUBLISHED, EVENTS_REFUSED

log = get_logger(__name__)

_STREAM_LENGTH = 100_000

# The server takes no event at the moment; nothing is wrong with this one.
_NOT_NOW = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError)


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event as an outbox holds it."""

    id: str
    type: str
    source: str
    envelope: str


async def publish(redis: Redis, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
    """Append `events` to the streams of their sources, in order; returns those that were taken.

    What Redis refuses, as it does all of a stream whose key holds something else, keeps no other event from its
    stream. Raises RedisError where the server takes nothing from anybody.
    """
    if not events:
        return []
    async with redis.pipeline(transaction=False) as pipe:
        for event in events:
            pipe.xadd(
                stream_of(event.source), {"event": event.envelope}, maxlen=_STREAM_LENGTH, approximate=True
            )
        answers = await pipe.execute(raise_on_error=False)
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

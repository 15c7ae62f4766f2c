"""The outbox of a MongoDB document: events are entries of the document that they tell of.

One write changes the document and says so, without a transaction. A relay claims a document, publishes
its entries in order, then pulls them; after a crash in between they are sent again with the same ids.

A document with entries has `publish_after`, the time from which a relay may take it. A claim moves that
time into the future, so several processes share the work, the entries of one document stay in order,
and a claim whose process died lapses by itself.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from redis.asyncio import Redis

from subgraphs.kit.background import Job, WakeUp
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.metrics import EVENTS_PUBLISHED
from subgraphs.kit.mongo.client import Database, Document, utc_now

_STREAM_LENGTH = 100_000


def with_outbox(*events: Event, at: datetime) -> Document:
    """Fields of a new document that carries `events`."""
    return {"outbox": [_entry(e) for e in events], **({"publish_after": at} if events else {})}


def emitting(update: Document, *events: Event, at: datetime) -> Document:
    """`update` that also adds `events` to the document's outbox."""
    if not events:
        return update
    entries = {"$each": [_entry(e) for e in events]}
    return {
        **update,
        "$push": {**update.get("$push", {}), "outbox": entries},
        "$set": {**update.get("$set", {}), "publish_after": at},
    }


def _entry(event: Event) -> Document:
    return {"id": event.id, "type": event.type, "source": event.source, "envelope": event.to_json()}


class DocumentRelay:
    """Moves the events of `collections` to their Redis streams. Each needs a sparse index on `publish_after`."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        collections: Sequence[str],
        *,
        interval: float = 0.2,
        claim: timedelta = timedelta(seconds=5),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._collections = [database[name] for name in collections]
        self._redis = redis
        self._interval = interval
        self._claim = claim
        self._clock = clock
        self.wake_up = WakeUp()
        """Say that an event was written, so that it leaves now and not at the next poll."""

    @property
    def job(self) -> Job:
        return Job(
            name="outbox_relay", run_once=self.publish_pending, every=self._interval, wake=self.wake_up
        )

    async def publish_pending(self) -> int:
        """Publish everything that is due; returns the number of events."""
        published = 0
        for collection in self._collections:
            while True:
                now = self._clock()
                until = now + self._claim
                document = await collection.find_one_and_update(
                    {"publish_after": {"$lte": now}},
                    {"$set": {"publish_after": until}},
                    projection={"outbox": 1},
                    return_document=ReturnDocument.AFTER,
                )
                if document is None:
                    break
                entries = document.get("outbox", [])
                await self._publish(entries)
                taken = {"$pull": {"outbox": {"id": {"$in": [e["id"] for e in entries]}}}}
                done = await collection.update_one(
                    {"_id": document["_id"], "publish_after": until},
                    {**taken, "$unset": {"publish_after": ""}},
                )
                if not done.matched_count:  # another event came meanwhile; it keeps the document due
                    await collection.update_one({"_id": document["_id"]}, taken)
                published += len(entries)
        return published

    async def _publish(self, entries: Sequence[Document]) -> None:
        if not entries:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry in entries:
                pipe.xadd(
                    stream_of(entry["source"]),
                    {"event": entry["envelope"]},
                    maxlen=_STREAM_LENGTH,
                    approximate=True,
                )
            await pipe.execute()
        for entry in entries:
            EVENTS_PUBLISHED.labels(entry["type"]).inc()

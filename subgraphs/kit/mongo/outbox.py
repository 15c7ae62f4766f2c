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

from subgraphs.kit.background import Job, WakeUp
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.transport import OutgoingEvent, Publisher
from subgraphs.kit.mongo.client import Collection, Database, Document, utc_now


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
    """Moves the events of `collections` to the streams of their sources. Each needs a sparse index on `publish_after`."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        collections: Sequence[str],
        *,
        interval: float = 0.2,
        claim: timedelta = timedelta(seconds=5),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._collections = [database[name] for name in collections]
        self._publisher = publisher
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
            while (document := await self._claim_one(collection)) is not None:
                published += await self._publish_document(collection, document)
        return published

    async def _claim_one(self, collection: Collection) -> Document | None:
        now = self._clock()
        claimed: Document | None = await collection.find_one_and_update(
            {"publish_after": {"$lte": now}},
            {"$set": {"publish_after": now + self._claim}},
            projection={"outbox": 1, "publish_after": 1},
            return_document=ReturnDocument.AFTER,
        )
        return claimed

    async def _publish_document(self, collection: Collection, document: Document) -> int:
        """Publish the entries of a claimed document; one that is refused is due again when the claim ends."""
        entries = document.get("outbox", [])
        events = [OutgoingEvent(e["id"], e["type"], e["source"], e["envelope"]) for e in entries]
        taken = await self._publisher.publish(events)
        sent = {"$pull": {"outbox": {"id": {"$in": [event.id for event in taken]}}}}
        if len(taken) == len(entries):
            done = await collection.update_one(
                {"_id": document["_id"], "publish_after": document["publish_after"]},
                {**sent, "$unset": {"publish_after": ""}},
            )
            if done.matched_count:
                return len(taken)
        # Another event came meanwhile, or one was refused: the document stays due.
        await collection.update_one({"_id": document["_id"]}, sent)
        return len(taken)

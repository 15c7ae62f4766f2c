"""The outbox of a MongoDB document: events are entries of the document that they tell of.

One write changes the document and says so, without a transaction. A relay claims a document, publishes
its entries in order, then pulls them; after a crash in between they are sent again with the same ids.

A document with entries has `publish_after`, the time from which a relay may take it. A claim moves that
time into the future, so several processes share the work, the entries of one document stay in order,
and a claim whose process died lapses by itself. Each update is by `_id` alone (see `conditional`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from subgraphs.kit.background import Job, WakeUp, measurement
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.transport import OutgoingEvent, Publisher
from subgraphs.kit.metrics import MOST_UNSENT_COUNTED, OUTBOX_AGE, OUTBOX_UNSENT
from subgraphs.kit.mongo.client import Collection, Database, Document, utc_now
from subgraphs.kit.mongo.conditional import when

_TRIES = 10  # looks for a document that nobody else has claimed by then; the next round looks again


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


def _is(found: Document) -> Document:
    """The expression that nobody has claimed a document since it was `found`, nor added an event in the same instant."""
    ids = [entry["id"] for entry in found["outbox"]]
    return {
        "$and": [
            {"$eq": ["$publish_after", {"$literal": found["publish_after"]}]},
            {"$eq": [{"$map": {"input": "$outbox", "as": "entry", "in": "$$entry.id"}}, {"$literal": ids}]},
        ]
    }


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

    @property
    def measuring(self) -> Job:
        """The job that says how far behind the relays of all processes are."""
        return measurement("outbox_backlog", self.measure)

    async def measure(self) -> None:
        count, now, oldest = 0, self._clock(), self._clock()
        for collection in self._collections:
            # By the index, which has only the documents with events; a claim reaches a little into the future.
            query = {"publish_after": {"$lte": now + 2 * self._claim}}
            entries = {"outbox.envelope": 1}
            async for document in collection.find(query, entries, limit=MOST_UNSENT_COUNTED - count):
                count += len(document["outbox"])
                for entry in document["outbox"]:
                    oldest = min(oldest, Event.from_json(entry["envelope"]).timestamp)
        OUTBOX_UNSENT.set(count)
        OUTBOX_AGE.set((now - oldest).total_seconds())

    async def publish_pending(self) -> int:
        """Publish everything that is due; returns the number of events."""
        published = 0
        for collection in self._collections:
            while (document := await self._claim_one(collection)) is not None:
                published += await self._publish_document(collection, document)
        return published

    async def _claim_one(self, collection: Collection) -> Document | None:
        """A document that is due, as it was when it was claimed."""
        for _ in range(_TRIES):
            now = self._clock()
            due = {"publish_after": {"$lte": now}}
            found: Document | None = await collection.find_one(due, {"outbox": 1, "publish_after": 1})
            if found is None:
                break
            claim = {"publish_after": now + self._claim}
            if await self._take(collection, found, claim):
                return found | claim
        return None

    async def _take(self, collection: Collection, found: Document, claim: Document) -> bool:
        """Claim the document if it is as it was found; one that is not is looked for once more."""
        taken = await collection.update_one({"_id": found["_id"]}, when(_is(found), {"$set": claim}))
        return bool(taken.modified_count)

    async def _publish_document(self, collection: Collection, document: Document) -> int:
        """Publish the entries of a claimed document; one that is refused is due again when the claim ends."""
        entries = document["outbox"]
        events = [OutgoingEvent(e["id"], e["type"], e["source"], e["envelope"]) for e in entries]
        taken = await self._publisher.publish(events)
        sent = {"$in": ["$$entry.id", [event.id for event in taken]]}
        left = {"$filter": {"input": "$outbox", "as": "entry", "cond": {"$not": [sent]}}}
        change: Document = {"outbox": left}
        if len(taken) == len(entries):
            # Another event that came meanwhile has written another time: the document stays due.
            is_claim = {"$eq": ["$publish_after", {"$literal": document["publish_after"]}]}
            change["publish_after"] = {"$cond": [is_claim, "$$REMOVE", "$publish_after"]}
        await collection.update_one({"_id": document["_id"]}, [{"$set": change}])
        return len(taken)

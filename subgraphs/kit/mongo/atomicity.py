"""A look at start at what everything here stands on: that a conditional update of a document is atomic.

Servers that speak MongoDB's protocol are many, and one that reads, decides and then writes would sell the last unit
twice, now and then, under load. That is found out here, and not in the books.
"""

import asyncio
from datetime import timedelta

from subgraphs.kit.errors import StartError
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Collection, Database, Document, utc_now
from subgraphs.kit.mongo.conditional import when

COLLECTION = "atomicity_probes"

_ROUNDS = 4
_CLAIMS = 12
_ABANDONED = timedelta(hours=1)


async def check_conditional_updates(database: Database) -> None:
    """Let many claim the last unit of a scratch document at once, a few times over.

    Raises StartError where not exactly one of them gets it, and whatever the driver raises.
    """
    probes = database[COLLECTION]
    # Of processes that ended in the middle.
    await probes.delete_many({"at": {"$lt": utc_now() - _ABANDONED}})
    for claim in (_claim_by_filter, _claim_by_pipeline) * _ROUNDS:
        probe = new_id()
        await probes.insert_one({"_id": probe, "at": utc_now(), "available": 1, "claims": []})
        claims = await asyncio.gather(*(claim(probes, probe, number) for number in range(_CLAIMS)))
        after = await probes.find_one_and_delete({"_id": probe})
        winners = [number for number, won in enumerate(claims) if won]
        if after is None or len(winners) != 1 or (after["available"], after["claims"]) != (0, winners):
            raise StartError(
                f"The MongoDB server of {database.name!r} does not update atomically: {len(winners)} of {_CLAIMS} "
                "claims at once got the one unit there was. Stock would be sold twice, so this service does not "
                "serve on it. Use MongoDB, or another server whose updates are atomic."
            )


async def _claim_by_filter(probes: Collection, probe: str, number: int) -> bool:
    """As a change of what was read: what must still hold is in the filter."""
    free = {"_id": probe, "available": {"$gte": 1}, "claims": {"$ne": number}}
    return bool((await probes.update_one(free, _claiming(number))).modified_count)


async def _claim_by_pipeline(probes: Collection, probe: str, number: int) -> bool:
    """As a hold takes units (`products/store/holds.py`): what must hold is an expression in the update itself."""
    free = {"$and": [{"$gte": ["$available", 1]}, {"$not": [{"$in": [number, "$claims"]}]}]}
    return bool((await probes.update_one({"_id": probe}, when(free, _claiming(number)))).modified_count)


def _claiming(number: int) -> Document:
    return {"$inc": {"available": -1}, "$push": {"claims": number}}

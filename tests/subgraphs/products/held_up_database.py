"""A database whose writes a test decides on: when each is carried out, and whether its caller lives to see it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Database

WRITES = {
    "insert_one",
    "update_one",
    "update_many",
    "find_one_and_update",
    "find_one_and_delete",
    "delete_one",
    "delete_many",
    "bulk_write",
}

Write = Callable[[], Awaitable[Any]]


class WriteGate:
    """What stands before each write. Here it is open."""

    async def carry_out(self, write: Write) -> Any:
        return await write()


class GatedDatabase:
    """Looks like a database to the stores; every write of its collections goes through `gate`."""

    def __init__(self, database: Database, gate: WriteGate) -> None:
        self._database = database
        self._gate = gate

    def __getitem__(self, name: str) -> "_GatedCollection":
        return _GatedCollection(self._database[name], self._gate)


class _GatedCollection:
    def __init__(self, collection: Any, gate: WriteGate) -> None:
        self._collection = collection
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._collection, name)
        if name not in WRITES:
            return method

        async def gated(*args: Any, **kwargs: Any) -> Any:
            return await self._gate.carry_out(lambda: method(*args, **kwargs))

        async def gated_each(writes: list[Any], **kwargs: Any) -> None:
            """A server may stop in the middle of a batch."""
            for write in writes:
                await self._gate.carry_out(lambda write=write: method([write], **kwargs))  # type: ignore[misc] # its own write

        return gated_each if name == "bulk_write" else gated


class Death(WriteGate):
    """The process dies before it makes its write number `after` (from 0)."""

    def __init__(self, after: int, death: BaseException) -> None:
        self.left, self._death = after, death

    async def carry_out(self, write: Write) -> Any:
        if self.left == 0:
            raise self._death
        self.left -= 1
        return await write()


class Stutter(WriteGate):
    """Each write waits for a random number of turns of the event loop, before and after it."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def carry_out(self, write: Write) -> Any:
        await self._wait()
        done = await write()
        await self._wait()
        return done

    async def _wait(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 5, 40))):
            await asyncio.sleep(0)


class RacyDatabase:
    """A database as a server would be that looks, decides and writes, one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def __getitem__(self, name: str) -> "_RacyCollection":
        return _RacyCollection(self._database[name])


class _RacyCollection:
    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def update_one(self, condition: dict[str, Any], change: Any) -> Any:
        found = await self._collection.find_one(condition)
        if found is None or not isinstance(change, list):
            return await self._collection.update_one({"_id": found and found["_id"]}, change)
        # What the pipeline makes of the document as it was read, whatever became of it since.
        copy = {**found, "_id": new_id()}
        await self._collection.insert_one(copy)
        done = await self._collection.update_one({"_id": copy["_id"]}, change)
        made = await self._collection.find_one_and_delete({"_id": copy["_id"]})
        if done.modified_count:
            await self._collection.replace_one({"_id": found["_id"]}, {**made, "_id": found["_id"]})
        return done


class HeldUpDatabase(GatedDatabase):
    """Writes wait between `begin` and `end`, and are then carried out."""

    def __init__(self, database: Database) -> None:
        self._pause = _Pause()
        super().__init__(database, self._pause)

    def begin(self) -> None:
        self._pause.open.clear()

    def end(self) -> None:
        self._pause.open.set()

    async def wait_held_up(self) -> None:
        """Return once a write is waiting."""
        await self._pause.waiting.wait()


class _Pause(WriteGate):
    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = asyncio.Event()

    async def carry_out(self, write: Write) -> Any:
        if not self.open.is_set():
            self.waiting.set()
            await self.open.wait()
        return await write()

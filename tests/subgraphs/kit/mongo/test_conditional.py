"""Conditional updates on the real store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from subgraphs.kit.mongo.client import Collection, Document, Mongo
from subgraphs.kit.mongo.conditional import is_now, when
from subgraphs.kit.settings import DatabaseSettings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def things(engines: Any) -> AsyncIterator[Collection]:
    mongo = Mongo(DatabaseSettings(url=engines.mongo_url("kit_conditional")), application="tests")
    yield mongo.database["things"]
    await mongo.database.client.drop_database(mongo.database.name)
    mongo.close()


UPDATE: Document = {
    "$set": {"name": "$version", "tags": ["{$a}"], "at": NOON, "none": None, "nested": {"$x": 1}},
    "$inc": {"version": 1, "new": -2},
    "$push": {"log": {"$each": ["b", "c"]}, "notes": "$first"},
}


async def test_update_is_carried_out_where_the_condition_holds(things: Collection) -> None:
    await things.insert_one({"_id": "t1", "version": 1, "log": ["a"], "kept": 1})
    done = await things.update_one({"_id": "t1"}, when({"$eq": ["$version", 1]}, UPDATE))
    assert done.modified_count == 1
    assert await things.find_one({"_id": "t1"}) == {
        "_id": "t1",
        "version": 2,
        "log": ["a", "b", "c"],
        "kept": 1,
        "name": "$version",
        "tags": ["{$a}"],
        "at": NOON,
        "none": None,
        "nested": {"$x": 1},
        "new": -2,
        "notes": ["$first"],
    }


async def test_document_stays_as_it_is_where_the_condition_does_not_hold(things: Collection) -> None:
    before = {"_id": "t1", "version": 2, "log": ["a"]}
    await things.insert_one(before)
    done = await things.update_one({"_id": "t1"}, when({"$eq": ["$version", 1]}, UPDATE))
    assert (done.matched_count, done.modified_count) == (1, 0)
    assert await things.find_one({"_id": "t1"}) == before


async def test_many_at_once_take_no_more_than_there_is(things: Collection) -> None:
    await things.insert_one({"_id": "t1", "units": 30, "takers": []})

    async def take(number: int) -> int:
        update = {"$inc": {"units": -1}, "$push": {"takers": number}}
        return (await things.update_one({"_id": "t1"}, when({"$gte": ["$units", 1]}, update))).modified_count

    assert sum(await asyncio.gather(*(take(number) for number in range(80)))) == 30
    document = await things.find_one({"_id": "t1"})
    assert document is not None
    assert (document["units"], len(set(document["takers"]))) == (0, 30)


async def test_unset_fields_go_where_the_condition_holds_and_nowhere_else(things: Collection) -> None:
    await things.insert_one({"_id": "t1", "state": "old", "lease": NOON, "attempt": None, "kept": [1]})
    update: Document = {"$set": {"state": "new"}, "$unset": {"lease": "", "attempt": "", "absent": ""}}
    assert (await things.update_one({"_id": "t1"}, when(is_now("state", "none"), update))).modified_count == 0
    assert (await things.update_one({"_id": "t1"}, when(is_now("state", "old"), update))).modified_count == 1
    assert await things.find_one({"_id": "t1"}) == {"_id": "t1", "state": "new", "kept": [1]}


@pytest.mark.parametrize(
    ("field", "value", "holds"),
    [
        ("at", NOON, True),
        ("none", None, True),
        ("absent", None, True),
        ("at", None, False),
        ("nested.id", "$x", True),
        ("nested.absent", None, True),
        ("path", ["a", "b"], True),
        ("path", ["b"], False),
    ],
)
async def test_value_is_compared_as_a_whole(
    things: Collection, field: str, value: Any, *, holds: bool
) -> None:
    await things.insert_one(
        {"_id": "t1", "at": NOON, "none": None, "nested": {"id": "$x"}, "path": ["a", "b"]}
    )
    done = await things.update_one({"_id": "t1"}, when(is_now(field, value), {"$set": {"held": True}}))
    assert bool(done.modified_count) is holds

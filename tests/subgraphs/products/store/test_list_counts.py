"""A short list is counted each time, a long one once in ten seconds."""

import asyncio

import pytest
from pymongo.errors import OperationFailure

from subgraphs.products.domain.lists import Listing, ProductFilter, ProductSort
from subgraphs.products.store.list_counts import ListCounts
from subgraphs.products.store.list_keys import range_of

EVERYTHING = range_of(Listing(filter=ProductFilter(), sort=ProductSort.NEWEST, first=1, after=None))


@pytest.mark.usefixtures("empty")
async def test_short_list_is_counted_each_time(database, make) -> None:
    counts = ListCounts(database["products"])
    for wanted in (1, 2):
        await make()
        assert await counts.in_range(EVERYTHING, {}, length=2048) == wanted


@pytest.mark.usefixtures("empty")
async def test_long_list_is_counted_once_in_ten_seconds_for_all_who_ask(database, make, commands) -> None:
    now = 0.0
    counts = ListCounts(database["products"], clock=lambda: now)
    await make(stock=1)
    commands.sent.clear()
    asked = [counts.in_range(EVERYTHING, {"available": 1}, length=2049) for _ in range(5)]
    assert (await asyncio.gather(*asked), commands.sent) == ([1] * 5, ["aggregate"])
    await make(stock=1)
    now = 10.0
    assert await counts.in_range(EVERYTHING, {"available": 1}, length=2049) == 1
    assert await counts.in_range(EVERYTHING, {"available": 0}, length=2049) == 0
    now = 10.1
    assert await counts.in_range(EVERYTHING, {"available": 1}, length=2049) == 2


async def test_count_that_failed_is_not_kept(database) -> None:
    counts = ListCounts(database["products"])
    for _ in range(2):
        with pytest.raises(OperationFailure):
            await counts.in_range(EVERYTHING, {"$unknown": 1}, length=5000)
    assert counts._kept == {}

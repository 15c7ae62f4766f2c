"""Fences on the real store: which products are some, and how often they are read."""

from itertools import pairwise

import pytest

from subgraphs.products.domain.lists import Listing, ProductFilter, ProductSort
from subgraphs.products.domain.products import ProductId
from subgraphs.products.store.fences import FenceKeys, Fences
from subgraphs.products.store.list_keys import FENCE_EVERY, KeyRange, is_fence, range_of


def test_one_product_in_128_is_a_fence() -> None:
    marked = sum(is_fence(ProductId(f"product {number}")) for number in range(100 * FENCE_EVERY))
    assert 80 < marked < 120


@pytest.mark.usefixtures("empty")
async def test_fences_are_read_once_a_minute(database, make, commands) -> None:
    now = 0.0
    fences = Fences(database["products"], clock=lambda: now)
    product = await make()
    await database["products"].update_one({"_id": product.id}, {"$set": {"fence": True}})
    everything = range_of(Listing(filter=ProductFilter(), sort=ProductSort.NAME, first=1, after=None))
    assert (await fences.read()).length(everything) == FENCE_EVERY
    commands.sent.clear()
    now = 60.0
    await fences.read()
    assert commands.sent == []
    await database["products"].delete_many({})
    now = 60.1
    assert (await fences.read()).length(everything) == 0
    assert commands.sent == ["delete", "find"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("fences", [0, 1, 2, 3, 6, 40])
def test_parts_of_a_range_are_all_of_it_without_overlap(fences, descending) -> None:
    keys = [f"{number:03}" for number in range(fences)]
    parts = list(FenceKeys({"name": keys}).parts(KeyRange("name", "", "~", descending)))
    if descending:
        parts.reverse()
    assert (parts[0].low, parts[-1].high) == ("", "~")
    assert all(one.high == other.low for one, other in pairwise(parts))
    assert len(parts) == {0: 1, 1: 1, 2: 2, 3: 2, 6: 3, 40: 5}[fences]

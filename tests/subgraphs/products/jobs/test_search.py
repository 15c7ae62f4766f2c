import asyncio
from dataclasses import replace

import pytest

from subgraphs.kit.background import WakeUp, running
from subgraphs.products.jobs.search import search_jobs
from subgraphs.products.metrics import SEARCH_DUE
from subgraphs.products.service import search_index
from tests.subgraphs.products.search_catalogue import found

pytestmark = pytest.mark.usefixtures("empty")


async def test_job_indexes_what_is_due_and_shows_how_much_is(services, make, monkeypatch) -> None:
    monkeypatch.setattr(search_index, "_ROUND", 2)
    for number in range(3):
        await make(f"Enamel Mug {number}")
    (job,) = search_jobs(services.search_indexing, wake=WakeUp())
    seen = []
    for _ in range(3):
        more = await job.run_once()
        seen.append((SEARCH_DUE._value.get(), more))
    assert seen == [(3, True), (1, False), (0, False)]


async def test_job_is_woken_by_a_change(services, make) -> None:
    wake = WakeUp()
    (job,) = search_jobs(services.search_indexing, wake=wake)
    indexed = asyncio.Semaphore(0)

    async def run_once() -> None:
        await job.run_once()
        indexed.release()

    # Too seldom to be the reason.
    async with asyncio.timeout(20), running(replace(job, run_once=run_once, every=600)):
        await indexed.acquire()
        await make("Enamel Mug", sku="WOKEN-1")
        wake()
        await indexed.acquire()
    assert await found(services.search, "enamel mug") == ["WOKEN-1"]

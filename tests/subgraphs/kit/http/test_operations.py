"""Readiness is cheap for whoever asks for it often."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from subgraphs.kit.http import operations


class CountedStore:
    """A dependency that counts how often it is asked, and takes a moment to answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun = asyncio.Event()
        self.away = False

    async def check(self) -> None:
        self.asked += 1
        self.begun.set()
        await asyncio.sleep(0.01)
        if self.away:
            raise ConnectionError


@pytest.fixture
def store() -> CountedStore:
    return CountedStore()


@pytest.fixture
def http(store: CountedStore) -> httpx.AsyncClient:
    app = FastAPI()
    operations.add_operational_routes(app, {"store": store.check})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_many_questions_at_once_share_one_probe(http: httpx.AsyncClient, store: CountedStore) -> None:
    answers = await asyncio.gather(*(http.get("/ready") for _ in range(20)))
    assert [(a.status_code, a.json()["checks"]) for a in answers] == [(200, {"store": True})] * 20
    assert store.asked == 1


async def test_what_was_found_holds_for_a_moment_a_failure_too(
    http: httpx.AsyncClient, store: CountedStore
) -> None:
    store.away = True
    assert [(await http.get("/ready")).status_code for _ in range(3)] == [503] * 3
    assert store.asked == 1


async def test_what_was_found_is_forgotten(
    http: httpx.AsyncClient, store: CountedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "REMEMBERED_SECONDS", 0.0)
    for away, status in ((False, 200), (True, 503), (False, 200)):
        store.away = away
        assert (await http.get("/ready")).status_code == status


async def test_who_leaves_does_not_take_the_answer_from_others(store: CountedStore) -> None:
    readiness = operations.Readiness({"store": store.check}, timeout=1)
    first, second = (asyncio.create_task(readiness.found()) for _ in range(2))
    await store.begun.wait()
    first.cancel()
    assert await second == {"store": True}

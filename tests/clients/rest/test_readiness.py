"""Readiness is cheap for whoever asks for it often."""

import asyncio
from http import HTTPStatus

import httpx
import pytest

from clients.rest import readiness
from clients.rest.app import open_app
from clients.rest.settings import Settings
from tests.clients.rest.conftest import serving
from tests.clients.rest.stub_router import StubRouter, answering


@pytest.fixture
async def rest(stub_address: str):
    """A client of a REST layer that has asked for nothing yet."""
    settings = Settings.model_validate({"services": {"router": stub_address}})
    async with (
        open_app(settings) as app,
        serving(app) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        yield client


async def test_many_questions_ask_the_router_once(rest: httpx.AsyncClient, router: StubRouter) -> None:
    answers = await asyncio.gather(*(rest.get("/ready") for _ in range(20)))
    assert [(a.status_code, a.json()["checks"]) for a in answers] == [(200, {"router": True})] * 20
    assert [sent.operation for sent in router.sent] == ["Ready"]


async def test_what_was_found_is_forgotten(
    rest: httpx.AsyncClient, router: StubRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_FRESH_SECONDS", 0.0)
    for status in (200, 503, 200):
        router.respond = answering(503) if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        assert (await rest.get("/ready")).status_code == status


async def test_a_failure_is_remembered_too(rest: httpx.AsyncClient, router: StubRouter) -> None:
    router.respond = answering(503)
    assert [(await rest.get("/ready")).status_code for _ in range(3)] == [503] * 3
    assert len(router.sent) == 1

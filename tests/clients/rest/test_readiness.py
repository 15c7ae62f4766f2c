"""Readiness is cheap for whoever asks for it often."""

import asyncio
from http import HTTPStatus

import httpx
import pytest

from clients.rest import readiness
from tests.clients.rest.stub_router import StubRouter, answering


async def test_many_questions_ask_the_router_once(fresh: httpx.AsyncClient, router: StubRouter) -> None:
    answers = await asyncio.gather(*(fresh.get("/ready") for _ in range(20)))
    assert [(a.status_code, a.json()["checks"]) for a in answers] == [(200, {"router": True})] * 20
    assert [sent.operation for sent in router.sent] == ["Ready"]


async def test_what_was_found_is_forgotten(
    fresh: httpx.AsyncClient, router: StubRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_FRESH_SECONDS", 0.0)
    for status in (200, 503, 200):
        router.respond = answering(503) if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        assert (await fresh.get("/ready")).status_code == status


async def test_a_failure_is_remembered_too(fresh: httpx.AsyncClient, router: StubRouter) -> None:
    router.respond = answering(503)
    assert [(await fresh.get("/ready")).status_code for _ in range(3)] == [503] * 3
    assert len(router.sent) == 1

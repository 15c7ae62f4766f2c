"""The HTTP side that all services share."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.types import ASGIApp
from structlog.testing import capture_logs

from subgraphs.kit.http import operations
from subgraphs.kit.http.middleware import LimitBody, Observe
from subgraphs.kit.http.operations import add_operational_routes
from subgraphs.kit.http.responses import current_request_id
from subgraphs.kit.ids import is_id
from subgraphs.kit.metrics import HTTP_REQUESTS


class Dependency:
    def __init__(self) -> None:
        self.fails: BaseException | None = None
        self.hangs = False

    async def check(self) -> None:
        if self.hangs:
            await asyncio.sleep(60)
        if self.fails:
            raise self.fails


@pytest.fixture
def store() -> Dependency:
    return Dependency()


def _app(store: Dependency, *, slow: float = 1.0) -> ASGIApp:
    app = FastAPI()

    @app.post("/echo/{name}")
    async def echo(name: str, request: Request) -> dict[str, Any]:
        body = await request.body()
        return {"name": name, "size": len(body), "request_id": current_request_id()}

    @app.get("/fails")
    async def fails() -> None:
        raise KeyError("postgresql://secret@host")

    add_operational_routes(app, {"store": store.check, "other": Dependency().check}, timeout=0.2)
    app.add_middleware(LimitBody, max_bytes=1000)
    app.add_middleware(Observe, slow=slow)
    return app


@pytest.fixture
async def http(store: Dependency) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(_app(store), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_request_id_is_echoed_and_seen_inside(http: httpx.AsyncClient):
    response = await http.post("/echo/a", headers={"x-request-id": "abc-1"})
    assert response.headers["x-request-id"] == response.json()["request_id"] == "abc-1"


@pytest.mark.parametrize("given", [None, "", "a\tb", "\x7f", "ä".encode()])
async def test_a_request_id_that_could_forge_a_log_line_is_replaced(
    http: httpx.AsyncClient, given: str | bytes | None
):
    response = await http.post("/echo/a", headers={} if given is None else {"x-request-id": given})
    echoed = response.headers["x-request-id"]
    assert echoed == response.json()["request_id"]
    assert is_id(echoed)


async def test_a_request_id_has_a_bound(http: httpx.AsyncClient):
    response = await http.post("/echo/a", headers={"x-request-id": "x" * 5000})
    assert response.headers["x-request-id"] == "x" * 128


async def test_a_body_above_the_limit_is_413_by_its_declared_length(http: httpx.AsyncClient):
    assert (await http.post("/echo/a", content=b"x" * 1000)).json()["size"] == 1000
    response = await http.post("/echo/a", content=b"x" * 1001)
    assert response.status_code == 413
    assert response.json() == {
        "error": {"code": "PAYLOAD_TOO_LARGE", "message": "The body may hold at most 1000 bytes."},
        "request_id": response.headers["x-request-id"],
    }


async def test_a_body_above_the_limit_is_413_as_it_arrives(http: httpx.AsyncClient):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    response = await http.post("/echo/a", content=chunks())
    assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_what_escapes_is_500_and_tells_nothing(http: httpx.AsyncClient):
    response = await http.get("/fails")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "INTERNAL"
    assert "secret" not in response.text
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_ready_names_each_dependency_and_is_503_without_one(
    http: httpx.AsyncClient, store: Dependency, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(operations, "REMEMBERED_SECONDS", 0.0)
    response = await http.get("/ready")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ready", "checks": {"store": True, "other": True}},
    )
    for fails, hangs in ((ConnectionError("secret"), False), (KeyError("secret"), False), (None, True)):
        store.fails, store.hangs = fails, hangs
        response = await http.get("/ready")
        assert (response.status_code, response.json()) == (
            503,
            {"status": "unavailable", "checks": {"store": False, "other": True}},
        )
        assert (await http.get("/health")).status_code == 200
    store.fails, store.hangs = None, False
    assert (await http.get("/ready")).status_code == 200


async def test_metrics_count_by_route_and_never_by_path(http: httpx.AsyncClient):
    counter = HTTP_REQUESTS.labels("POST", "/echo/{name}", "200")
    before = counter._value.get()
    for name in ("a", "b", "c"):
        await http.post(f"/echo/{name}")
    assert counter._value.get() == before + 3
    await http.get("/no-such-path-1")
    exposed = (await http.get("/metrics")).text
    assert 'http_requests_total{endpoint="/echo/{name}"' in exposed
    assert "no-such-path" not in exposed


async def _logged(app: ASGIApp, *requests: tuple[str, str]) -> list[tuple[str, int]]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for method, path in requests:
                await client.request(method, path)
    return [(log["path"], log["status"]) for log in logs if log["event"] == "request"]


async def test_a_request_is_logged_where_it_fails_and_where_it_is_slow(store: Dependency) -> None:
    requests = [("POST", "/echo/a"), ("GET", "/fails"), ("GET", "/nowhere"), ("GET", "/health")]
    assert await _logged(_app(store), *requests) == [("/fails", 500)]
    everything = [("/echo/a", 200), ("/fails", 500), ("/nowhere", 404)]
    assert await _logged(_app(store, slow=0), *requests) == everything

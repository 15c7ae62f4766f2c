"""The REST layer served over HTTP, in front of a stub router that is served over HTTP too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from clients.rest.app import open_app
from clients.rest.settings import Settings
from tests.clients.rest.stub_router import StubRouter

SIGNED_IN = {"authorization": "Bearer a.b.c"}


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """`app` on a free port; its address."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
        if task.done():
            await task
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@pytest.fixture(scope="session")
async def _stub_router() -> AsyncIterator[tuple[StubRouter, str]]:
    router = StubRouter()
    async with serving(router) as address:
        yield router, address


@pytest.fixture
def router(_stub_router: tuple[StubRouter, str]) -> StubRouter:
    """The stub router, without any answer configured."""
    stub, _ = _stub_router
    stub.reset()
    return stub


@pytest.fixture
def stub_address(_stub_router: tuple[StubRouter, str]) -> str:
    return _stub_router[1]


@pytest.fixture(scope="session")
async def _rest(_stub_router: tuple[StubRouter, str]) -> AsyncIterator[str]:
    settings = Settings.model_validate(
        {
            "services": {"router": _stub_router[1]},
            "stream": {"heartbeat": "50ms", "opening": "200ms"},
            "gateway": {"timeout": "2s"},
        }
    )
    async with open_app(settings) as app, serving(app) as address:
        yield address


@pytest.fixture
async def anonymous(
    _rest: str,
    router: StubRouter,  # noqa: ARG001 - asked for so that nothing is laid out but what the test lays out
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the REST layer without a token."""
    async with httpx.AsyncClient(base_url=_rest) as client:
        yield client


@pytest.fixture
async def client(
    _rest: str,
    router: StubRouter,  # noqa: ARG001 - as above
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the REST layer with a token."""
    async with httpx.AsyncClient(base_url=_rest, headers=SIGNED_IN) as client:
        yield client


@pytest.fixture
async def fresh(
    stub_address: str,
    router: StubRouter,  # noqa: ARG001 - as above
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a REST layer of its own, which remembers nothing of other tests."""
    settings = Settings.model_validate({"services": {"router": stub_address}})
    async with (
        open_app(settings) as app,
        serving(app) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        yield client

"""What being observed costs: processes that are traced and scraped, beside processes that are neither.

Each is a further process of a service on the running system's stores, asked directly, by turns with the other.
Metrics are counted in both: no setting turns them off.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from deploy.local.ports import Ports
from tests.bench.cpu import LIST, time_spent
from tests.bench.load import request
from tests.bench.report import Row, at_most
from tests.harness import launcher
from tests.harness.otlp_receiver import receiving

_ROUNDS = 3
_SCRAPED_EACH = 1.0
_PATIENCE = 60.0
_CASES: Mapping[str, object] = {
    "products": {"query": LIST},
    "users": {"query": "{ me { id } }"},
}


async def measure(launch: dict[str, Any], *, connections: int) -> list[Row]:
    """How many times the CPU time of a request, traced at 10 % and scraped each second, that of one that is not."""
    rows = []
    with receiving() as collector:
        traced = {"JAEGER_URL": collector.url, "TRACING_SAMPLE_RATIO": "0.1"}
        for service, body in _CASES.items():
            async with _serving(launch, service, {}) as plain, _serving(launch, service, traced) as observed:
                least = {plain: float("inf"), observed: float("inf")}
                for url, pid in (plain, observed) * _ROUNDS:
                    scraping = asyncio.create_task(_scrape(url)) if pid == observed[1] else None
                    shares, failures = await time_spent(url, request(url, body), {"": pid}, connections)
                    if scraping is not None:
                        scraping.cancel()
                    if failures:
                        raise RuntimeError(f"{failures} requests to {service} failed")
                    least[url, pid] = min(least[url, pid], shares[""])
            ratio = least[observed] / least[plain]
            beside = f"{least[observed]:.2f} ms CPU beside {least[plain]:.2f}; the best of {_ROUNDS} each"
            rows.append(at_most(f"{service}: observed against not", ratio, 1.1, "times", beside=beside))
        if not collector.spans():
            raise RuntimeError("no span arrived: what was measured was not traced")
    return rows


async def _scrape(url: str) -> None:
    async with httpx.AsyncClient() as http:
        while True:
            (await http.get(url.replace("/graphql", "/metrics"))).raise_for_status()
            await asyncio.sleep(_SCRAPED_EACH)


@asynccontextmanager
async def _serving(
    launch: dict[str, Any], service: str, env: Mapping[str, str]
) -> AsyncIterator[tuple[str, int]]:
    """One more process of `service`: its GraphQL address and its process id."""
    ports = Ports()
    port, grpc_port = ports.free(), ports.free()
    prefix = service.upper()
    addresses = {f"{prefix}_SERVER_PORT": str(port), f"{prefix}_SERVER_GRPC_PORT": str(grpc_port)}
    settings = {**os.environ, **launch["children"][service]["env"], **addresses, **env}
    command = (sys.executable, "-m", f"subgraphs.{service}", "serve")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=launcher.ROOT, env=settings, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await _until_ready(f"{url}/ready", process)
        yield f"{url}/graphql", process.pid
    finally:
        process.terminate()
        await process.wait()


async def _until_ready(url: str, process: Process) -> None:
    async with asyncio.timeout(_PATIENCE), httpx.AsyncClient() as http:
        while process.returncode is None:
            try:
                if (await http.get(url)).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"it ended with {process.returncode} before it was ready: {url}")

"""The process as it is started: what it takes for the address of a client."""

import asyncio
import os
import sys

import httpx

from deploy.local.ports import Ports
from tests.clients.rest.stub_router import StubRouter
from tests.harness.launcher import ROOT


async def test_a_peers_word_for_its_address_is_not_taken(router: StubRouter, stub_address: str) -> None:
    ports = Ports()
    port = ports.free()
    address = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "clients.rest", "serve", cwd=ROOT,
        env={**os.environ, "REST_SERVER_PORT": str(port), "REST_SERVICES_ROUTER": stub_address},
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=address) as client, asyncio.timeout(60):
            while not await _answers(client):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            router.roots["product"] = None
            await client.get("/api/v1/products/p1", headers={"x-forwarded-for": "203.0.113.9"})
    finally:
        process.terminate()
        await process.wait()
        ports.release()
    assert [sent.headers["x-client-address"] for sent in router.sent] == ["127.0.0.1"]


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).is_success
    except httpx.TransportError:
        return False

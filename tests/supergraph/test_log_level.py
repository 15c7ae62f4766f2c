"""A service logs more while it runs, and as before again."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.cli import main


def details(supergraph: dict[str, Any]) -> int:
    """Lines that are logged at no other level, as they are written for a terminal."""
    return Path(supergraph["children"]["products"]["log"]).read_text().count("[debug")


async def told(supergraph: dict[str, Any], level: str) -> int:
    arguments = ["log-level", "products", level, "--data", supergraph["data"]]
    return await asyncio.to_thread(main, arguments)


async def test_a_service_logs_everything_until_it_is_told_otherwise(
    supergraph: dict[str, Any], http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert details(supergraph) == 0
    try:
        assert await told(supergraph, "debug") == 0
        assert capsys.readouterr().out == "debug: products\n"
        async with asyncio.timeout(20):
            while details(supergraph) == 0:
                await http.get("/api/v1/products/search", params={"q": "lamp"})
    finally:
        assert await told(supergraph, "configured") == 0
    assert capsys.readouterr().out == "configured: products\n"
    await http.get("/api/v1/products")  # what was under way when it was told has ended by then
    before = details(supergraph)
    for _ in range(3):
        await http.get("/api/v1/products/search", params={"q": "lamp"})
    assert details(supergraph) == before


def test_a_service_that_does_not_log_so_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["log-level", "edge", "debug"])
    assert "invalid choice: 'edge'" in capsys.readouterr().err

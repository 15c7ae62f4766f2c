"""What an operator asks of every process: `/health`, `/ready`, `/metrics`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Response

from subgraphs.kit.http.responses import json_response
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import exposition

log = get_logger(__name__)

Check = Callable[[], Awaitable[object]]

REMEMBERED_SECONDS = 1.0
"""How long what was found of the dependencies holds, success or failure: who asks often asks this process, not them."""


class Readiness:
    """Which of `checks` pass, each within `timeout` seconds. Who asks meanwhile waits for the same answer."""

    def __init__(self, checks: Mapping[str, Check], *, timeout: float) -> None:
        self._checks = checks
        self._timeout = timeout
        self._asking = asyncio.Lock()
        self._found: dict[str, bool] = {}
        self._found_at = float("-inf")

    async def found(self) -> dict[str, bool]:
        """Whether each passes, by its name."""
        async with self._asking:
            if time.monotonic() - self._found_at > REMEMBERED_SECONDS:
                passed = await asyncio.gather(*map(self._passes, self._checks.values()))
                self._found = dict(zip(self._checks, passed, strict=True))
                self._found_at = time.monotonic()
            return self._found

    async def _passes(self, check: Check) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever stops a dependency, the answer is "not ready"
            log.warning("not_ready", error=repr(error))
            return False
        return True


def add_operational_routes(app: FastAPI, checks: Mapping[str, Check], *, timeout: float = 2.0) -> None:
    """`/health` (the process answers), `/ready` (each of `checks` passes) and `/metrics`."""
    readiness = Readiness(checks, timeout=timeout)

    async def health() -> Response:
        return json_response({"status": "ok"})

    async def ready() -> Response:
        results = await readiness.found()
        ok = all(results.values())
        body = {"status": "ready" if ok else "unavailable", "checks": results}
        return json_response(body, HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics() -> Response:
        body, content_type = exposition()
        return Response(body, media_type=content_type)

    app.add_api_route("/health", health, tags=["operations"], summary="Whether the process answers")
    app.add_api_route("/ready", ready, tags=["operations"], summary="Whether its dependencies answer")
    app.add_api_route("/metrics", metrics, tags=["operations"], summary="Prometheus metrics")

"""What an operator asks of every process: `/health`, `/ready`, `/metrics`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Response

from subgraphs.kit.http.responses import json_response
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import exposition

log = get_logger(__name__)

Check = Callable[[], Awaitable[object]]


def add_operational_routes(app: FastAPI, checks: Mapping[str, Check], *, timeout: float = 2.0) -> None:
    """`/health` (the process answers), `/ready` (each of `checks` passes) and `/metrics`."""

    async def passes(check: Check) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever stops a dependency, the answer is "not ready"
            log.warning("not_ready", error=repr(error))
            return False
        return True

    async def health() -> Response:
        return json_response({"status": "ok"})

    async def ready() -> Response:
        names = list(checks)
        results = dict(zip(names, await asyncio.gather(*(passes(checks[n]) for n in names)), strict=True))
        ok = all(results.values())
        body = {"status": "ready" if ok else "unavailable", "checks": results}
        return json_response(body, HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics() -> Response:
        body, content_type = exposition()
        return Response(body, media_type=content_type)

    app.add_api_route("/health", health, tags=["operations"], summary="Whether the process answers")
    app.add_api_route("/ready", ready, tags=["operations"], summary="Whether its dependencies answer")
    app.add_api_route("/metrics", metrics, tags=["operations"], summary="Prometheus metrics")

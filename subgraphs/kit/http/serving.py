"""A service's ASGI application under uvicorn, until a signal ends it."""

import gc
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from subgraphs.kit.logs import follow_signals
from subgraphs.kit.settings import ServiceSettings

# Objects alive after start are never garbage; scanning them in every full collection is what makes
# the slowest request in a hundred.
_GC_THRESHOLDS = (10_000, 20, 20)


async def serve(
    open_app: Callable[[Any], AbstractAsyncContextManager[ASGIApp]], settings: ServiceSettings
) -> None:
    async with open_app(settings) as app:
        config = uvicorn.Config(
            app,
            host=settings.server.host,
            port=settings.server.port,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            # It would take the peer's address from X-Forwarded-For, which whoever is on this machine may write.
            proxy_headers=False,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=int(settings.server.idle_timeout.total_seconds()),
            timeout_graceful_shutdown=5,
        )
        # uvicorn raises the signal that ended it once more; by default that would end the process before
        # `open_app` has closed what it opened.
        signal.signal(signal.SIGTERM, lambda *_: None)
        follow_signals(settings.logging)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        await uvicorn.Server(config).serve()

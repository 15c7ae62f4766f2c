"""Background tasks that live as long as their service."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from subgraphs.kit.logs import get_logger

log = get_logger(__name__)


@asynccontextmanager
async def running(*coroutines: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run `coroutines` beside the body and cancel them at its end.

    They are meant to run for ever and to wait out what they depend on. One that ends by an exception is
    a fault of ours: it is logged, and the service goes on without it until it is restarted.
    """
    tasks = [
        asyncio.create_task(coroutine, name=getattr(coroutine, "__qualname__", None))
        for coroutine in coroutines
    ]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_task_ended", task=task.get_name(), exc_info=error)

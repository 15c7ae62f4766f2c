"""Background tasks that live as long as their service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager

from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

# Seconds that a task may take to clean up before it is cancelled again.
_PATIENCE = 1.0


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
        await _end(tasks)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel `tasks` until they have ended.

    Once is not enough: on Python 3.11 `asyncio.wait_for`, through which the Redis client sends, forgets a
    cancellation that comes as the send completes (python/cpython#86296), and a shutdown would hang.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_PATIENCE)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_task_ended", task=task.get_name(), exc_info=error)


class WakeUp:
    """Wakes a polling task before its time: there is something that it should see now.

    The task calls `clear` before it looks, so that what comes while it looks is not missed.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as somebody wakes it, or has since `clear`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()

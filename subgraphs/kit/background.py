"""Background work that lives as long as its service: relays, sweeps, readers of streams."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from subgraphs.kit.errors import Unavailable
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import JOB_FAILURES
from subgraphs.kit.outages import is_outage

log = get_logger(__name__)

# Seconds that a job may take to clean up before it is cancelled again.
_PATIENCE = 1.0

# Seconds between a failure and the next run: doubled with each failure in a row, and spread, so that the
# processes of a service do not come back to a store all at once.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0


class WakeUp:
    """Wakes a job before its time: there is something that it should see now.

    The job's runner calls `clear` before each run, so that what comes during the run is not missed.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that is done again and again.

    `run_once` does what there is to do. It returns True where there may be more, and is then called again at
    once; after any other answer it is called again in `every` seconds, or when `wake` is called. It may also
    run for as long as the service does, as a reader of a stream does, and is called again when it ends.
    The first run begins `delay` seconds after the start.
    """

    name: str
    run_once: Callable[[], Awaitable[object]]
    every: float
    wake: WakeUp | None = None
    delay: float = 0.0


def measurement(name: str, run_once: Callable[[], Awaitable[object]], *, every: float = 15.0) -> Job:
    """The job that reads a store for the metrics, which nobody who asks for them waits for."""
    return Job(name=name, run_once=run_once, every=every, delay=1.0)


@asynccontextmanager
async def running(*jobs: Job) -> AsyncIterator[None]:
    """Do `jobs` beside the body, and cancel them at its end.

    No exception ends a job for good. One is logged (an outage as a warning, anything else with its traceback),
    counted in `background_job_failures_total`, and followed by a pause that grows with each failure in a row.
    """
    tasks = [asyncio.create_task(_repeat(job), name=job.name) for job in jobs]
    try:
        yield
    finally:
        await _end(tasks)


async def _repeat(job: Job) -> None:
    failures = 0
    await asyncio.sleep(job.delay)
    while True:
        if job.wake is not None:
            job.wake.clear()
        started = time.monotonic()
        try:
            more = await job.run_once()
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            failure: BaseException | None = error  # somebody else's, which the job waited for
        except Exception as error:  # noqa: BLE001 - reported below
            failure = error
        else:
            failure = None
        if failure is None:
            failures = 0
            await _pause(job, more=more is True)
            continue
        # A reader that ran for long before it failed has not failed in a row.
        failures = failures + 1 if time.monotonic() - started < _LONGEST_PAUSE else 1
        _report(job, failure, failures)
        await asyncio.sleep(_back_off(failures))


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _pause(job: Job, *, more: bool) -> None:
    if more or job.wake is None:
        await asyncio.sleep(0 if more else job.every)
    else:
        await job.wake.wait(job.every)


def _back_off(failures: int) -> float:
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - only to spread the attempts


def _report(job: Job, error: BaseException, failures: int) -> None:
    JOB_FAILURES.labels(job.name).inc()
    if isinstance(error, Unavailable) or is_outage(error):
        log.warning("job_interrupted", job=job.name, failures=failures, error=repr(error))
    else:
        log.error("job_failed", job=job.name, failures=failures, exc_info=error)


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

import asyncio
from collections.abc import Callable, Iterator

import pytest
import structlog
from structlog.testing import LogCapture

from subgraphs.kit import background
from subgraphs.kit.background import Job, WakeUp, running
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.metrics import JOB_FAILURES


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[LogCapture]:
    capture = LogCapture()
    monkeypatch.setattr(background, "log", structlog.wrap_logger(None, processors=[capture]))
    return capture


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_FIRST_PAUSE", 0.001)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the jobs run beside the test and tell nobody
            await asyncio.sleep(0.001)


def failures_of(job: str) -> float:
    return JOB_FAILURES.labels(job)._value.get()


async def test_jobs_live_as_long_as_the_body_and_clean_up() -> None:
    passed: list[str] = []

    def work(name: str) -> Job:
        async def run() -> None:
            passed.append(f"{name} begins")
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                passed.append(f"{name} ends")

        return Job(name=name, run_once=run, every=60)

    async with running(work("one"), work("two")):
        await until(lambda: passed == ["one begins", "two begins"])
    assert sorted(passed[2:]) == ["one ends", "two ends"]


@pytest.mark.parametrize(
    "error", [KeyError("a fault of ours"), ConnectionRefusedError("away"), asyncio.CancelledError()], ids=repr
)
async def test_no_exception_ends_a_job(error: BaseException) -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise error

    before = failures_of("fails_at_first")
    async with running(Job(name="fails_at_first", run_once=run, every=0.001)):
        await until(lambda: runs >= 6)
    assert failures_of("fails_at_first") - before == 3


async def test_an_outage_is_a_warning_and_a_fault_comes_with_its_traceback(logged: LogCapture) -> None:
    errors: list[Exception] = [ConnectionRefusedError("away"), Unavailable("no keys"), KeyError("ours")]

    async def run() -> None:
        if errors:
            raise errors.pop(0)

    async with running(Job(name="job", run_once=run, every=60)):
        await until(lambda: len(logged.entries) == 3)
    assert [(e["log_level"], e["event"], e["failures"]) for e in logged.entries] == [
        ("warning", "job_interrupted", 1),
        ("warning", "job_interrupted", 2),
        ("error", "job_failed", 3),
    ]
    assert isinstance(logged.entries[2]["exc_info"], KeyError)


async def test_the_pause_after_failures_in_a_row_doubles_up_to_a_limit_and_is_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "_FIRST_PAUSE", 0.25)
    monkeypatch.setattr(background.random, "uniform", lambda low, high: (low, high)[1])
    assert [background._back_off(n) for n in (1, 2, 3, 5, 6, 500)] == [0.25, 0.5, 1.0, 4.0, 5.0, 5.0]
    monkeypatch.setattr(background.random, "uniform", lambda low, high: (low, high)[0])
    assert background._back_off(2) == 0.25


async def test_a_job_that_has_more_to_do_goes_on_at_once_and_one_that_has_not_waits() -> None:
    answers = [True, True, False]

    async def run() -> bool:
        return answers.pop(0)

    async with running(Job(name="job", run_once=run, every=60)):
        await until(lambda: not answers)


async def test_a_wake_up_ends_the_wait_even_when_it_comes_during_a_run() -> None:
    wake, runs = WakeUp(), 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            wake()

    async with running(Job(name="job", run_once=run, every=60, wake=wake)):
        await until(lambda: runs == 2)
        wake()
        await until(lambda: runs == 3)


async def test_the_first_run_waits_for_the_delay() -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1

    async with running(Job(name="job", run_once=run, every=0, delay=60)):
        await asyncio.sleep(0.02)
    assert runs == 0


async def test_a_job_whose_library_forgets_a_cancellation_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "_PATIENCE", 0.01)
    forgotten = 0

    async def stubborn() -> None:
        nonlocal forgotten
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                forgotten += 1
                if forgotten == 3:
                    raise

    async with asyncio.timeout(5), running(Job(name="stubborn", run_once=stubborn, every=1)):
        await asyncio.sleep(0.01)
    assert forgotten == 3

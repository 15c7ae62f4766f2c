"""The supervisor on small children of our own: what it does with them is the subject."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.process.child import Child, State
from deploy.local.process.probes import NotReady
from deploy.local.process.runner import Limits, StartError
from deploy.local.process.supervisor import Supervisor
from tests.deploy.conftest import eventually, gone

QUICK = Limits(ready=10, attempts=2, first_delay=0.05, longest_delay=0.2, poll=0.01)
# Says that it is up, by a file; then waits for a signal.
SERVE = (
    "import os,sys,signal; print('up'); sys.stdout.flush(); open(sys.argv[1], 'w').close(); signal.pause()"
)
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"
PARENT = (
    "import subprocess,sys; p = subprocess.Popen(['sleep', '600']); print('grandchild', p.pid); "
    "sys.stdout.flush(); open(sys.argv[1], 'w').close(); p.wait()"
)
FAIL = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"


class Recorder:
    """A Watcher that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.states: list[tuple[str, State]] = []
        self.crashes: list[tuple[str, str, list[str]]] = []

    def line(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def state(self, name: str, state: State) -> None:
        self.states.append((name, state))

    def crash(self, name: str, *, how: str, last: Sequence[str], delay: float) -> None:
        assert delay > 0
        self.crashes.append((name, how, list(last)))

    def when(self, name: str, state: State) -> int:
        return self.states.index((name, state))


Make = Callable[..., tuple[Supervisor, Recorder]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Supervisor] = []

    def build(*children: Child, limits: Limits = QUICK) -> tuple[Supervisor, Recorder]:
        recorder = Recorder()
        made.append(
            Supervisor(children, watcher=recorder, logs=tmp_path / "logs", cwd=tmp_path, limits=limits)
        )
        return made[-1], recorder

    yield build
    for supervisor in made:
        await supervisor.stop()


def child(folder: Path, name: str, *, code: str = SERVE, **more) -> Child:
    sign = folder / f"{name}.up"

    def probe() -> None:
        if not sign.exists():
            raise NotReady(f"{name} has not said it is up")

    return Child(
        name=name,
        command=lambda: [sys.executable, "-I", "-S", "-c", code, str(sign)],
        probe=probe,
        prepare=lambda: sign.unlink(missing_ok=True),
        **more,
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the recorder has no event for each of its conditions
            await asyncio.sleep(0.01)


async def test_children_start_after_their_needs_and_stop_before_them(make: Make, tmp_path):
    supervisor, seen = make(
        child(tmp_path, "edge", needs=("service", "elsewhere")),
        child(tmp_path, "service", needs=("store",)),
        child(tmp_path, "store"),
    )
    await supervisor.start()
    pids = dict(supervisor.pids)
    assert seen.when("store", State.READY) < seen.when("service", State.STARTING)
    assert seen.when("service", State.READY) < seen.when("edge", State.STARTING)
    await supervisor.stop()
    assert seen.when("edge", State.STOPPED) < seen.when("service", State.STOPPING)
    assert seen.when("service", State.STOPPED) < seen.when("store", State.STOPPING)
    assert all(gone(pid) for pid in pids.values() if pid)
    assert seen.lines.count(("store", "up")) == 1
    assert (tmp_path / "logs" / "store.log").read_text() == "up\n"


async def test_a_crash_is_told_with_its_last_lines_and_the_child_started_again(make: Make, tmp_path):
    supervisor, seen = make(child(tmp_path, "service"))
    await supervisor.start()
    first = supervisor.pids["service"]
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: seen.states.count(("service", State.READY)) == 2)
    assert seen.crashes == [("service", "was killed by SIGKILL", ["up"])]
    assert supervisor.pids["service"] not in {None, first}


async def test_a_child_that_never_comes_up_ends_the_start_with_its_last_lines(make: Make, tmp_path):
    supervisor, seen = make(child(tmp_path, "service", code=FAIL), child(tmp_path, "other"))
    with pytest.raises(StartError) as refusal:
        await supervisor.start()
    assert str(refusal.value) == (
        "service ended with exit code 3, 2 times in a row. Its last lines:\n"
        f"  one\n  two\nAll of them: {tmp_path / 'logs' / 'service.log'}"
    )
    assert len(seen.crashes) == 1


async def test_a_child_that_is_late_ends_the_start_with_what_it_last_answered(make: Make, tmp_path):
    late = child(tmp_path, "service", code="import signal; signal.pause()")
    supervisor, _ = make(late, limits=Limits(ready=0.3, poll=0.01))
    with pytest.raises(
        StartError, match=r"service was not ready within 0\.3 s: service has not said it is up"
    ):
        await supervisor.start()


async def test_a_program_that_is_not_there_is_named(make: Make, tmp_path):
    missing = replace(child(tmp_path, "service"), command=lambda: ["no-such-program"])
    supervisor, _ = make(missing)
    with pytest.raises(StartError, match=r"exit code 127.*\n  no-such-program: no such program"):
        await supervisor.start()


async def test_a_deaf_child_is_killed_after_its_patience(make: Make, tmp_path):
    supervisor, _ = make(child(tmp_path, "service", code=DEAF, patience=0.2))
    await supervisor.start()
    pid = supervisor.pids["service"]
    assert pid
    begun = time.monotonic()
    await supervisor.stop()
    assert gone(pid)
    assert 0.2 <= time.monotonic() - begun < 3


async def test_what_a_child_started_goes_with_it(make: Make, tmp_path):
    supervisor, seen = make(child(tmp_path, "service", code=PARENT))
    await supervisor.start()
    await until(lambda: seen.lines)
    grandchild = int(seen.lines[0][1].split()[1])
    assert not gone(grandchild)
    await supervisor.stop()
    eventually(lambda: gone(grandchild))


async def test_a_line_longer_than_any_buffer_does_not_stop_the_reading(make: Make, tmp_path):
    supervisor, seen = make(child(tmp_path, "service", code=f"print('x' * 300_000); {SERVE}"))
    await supervisor.start()
    await until(lambda: ("service", "up") in seen.lines)
    assert sum(line.count("x") for _, line in seen.lines) == 300_000


def test_no_child_outlives_a_launcher_that_is_killed(tmp_path):
    """Even one that ignores every signal it can."""
    launcher = f"""
import asyncio, sys
from pathlib import Path
from deploy.local.process.supervisor import Supervisor
from tests.deploy.process.test_supervisor import DEAF, Recorder, child
async def main():
    folder = Path({str(tmp_path)!r})
    s = Supervisor([child(folder, "deaf", code=DEAF)], watcher=Recorder(), logs=folder / "logs", cwd=folder)
    await s.start()
    print(s.pids["deaf"], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", launcher],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout
    pid = int(process.stdout.readline())
    assert not gone(pid)
    process.kill()
    process.communicate()
    eventually(lambda: gone(pid), within=5)


async def test_a_restart_in_order_is_no_crash_and_returns_when_the_child_is_back(make: Make, tmp_path):
    supervisor, seen = make(child(tmp_path, "service"), child(tmp_path, "other"))
    await supervisor.start()
    before = dict(supervisor.pids)
    await supervisor.restart("service")
    assert supervisor.pids["service"] not in {None, before["service"]}
    assert supervisor.pids["other"] == before["other"]
    assert seen.crashes == []
    assert seen.states.count(("service", State.READY)) == 2


async def test_one_is_added_beside_and_another_removed_for_good(make: Make, tmp_path):
    supervisor, seen = make(child(tmp_path, "first"))
    await supervisor.start()
    first = supervisor.pids["first"]
    assert first
    await supervisor.add(child(tmp_path, "second"))
    assert seen.when("second", State.READY) > seen.when("first", State.READY)
    await supervisor.remove("first")
    assert gone(first)
    assert list(supervisor.pids) == ["second"]


async def test_one_that_does_not_come_up_is_not_among_them(make: Make, tmp_path):
    supervisor, _ = make(child(tmp_path, "first"))
    await supervisor.start()
    with pytest.raises(StartError, match="second ended with exit code 3, 2 times in a row"):
        await supervisor.add(child(tmp_path, "second", code=FAIL))
    assert list(supervisor.pids) == ["first"]
    assert supervisor.pids["first"]

"""Keeps one child running: start, poll until ready, start again after a crash, stop."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LaunchError
from deploy.local.process.child import Child, State, Watcher
from deploy.local.process.output import Output
from deploy.local.process.parent_death import with_parent_death_signal
from deploy.local.process.probes import NotReady


class StartError(LaunchError):
    """A child cannot be brought up; the message holds its last lines."""


@dataclass(frozen=True)
class Limits:
    """Seconds and counts of a supervisor."""

    ready: float = 90.0
    """A child's first start, until it is ready."""
    attempts: int = 3
    """Crashes before it was ever ready; one more would not help."""
    first_delay: float = 0.5
    longest_delay: float = 15.0
    stable: float = 30.0
    """Time alive after which a crash counts as a first one again."""
    poll: float = 0.05
    """Between the first questions; later ones come up to `slowest_poll` apart."""
    slowest_poll: float = 0.25


class ProcessRunner:
    """One child's life after life."""

    def __init__(
        self, child: Child, *, watcher: Watcher, log: Path, limits: Limits, executor: Executor, cwd: Path
    ) -> None:
        self.child = child
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.log = log
        self._watcher = watcher
        self._limits = limits
        self._executor = executor
        self._cwd = cwd
        self._output = Output(log, lambda line: watcher.line(child.name, line))
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._restarting = False
        self._was_ready = False

    @property
    def pid(self) -> int | None:
        """The running child's; None between two lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self, needs: Sequence["ProcessRunner"]) -> None:
        """Until `stop`. Raises StartError if the child never becomes ready."""
        try:
            self._watcher.state(self.child.name, State.WAITING)
            for need in needs:
                await need.ready.wait()
            crashes = 0
            while not self._stopping:
                begun = time.monotonic()
                try:
                    how = await self._live()
                except LaunchError as error:
                    if not self._was_ready:
                        raise
                    how = f"could not be started again: {error}"
                if self._stopping:
                    return
                if self._restarting:
                    self._restarting = False
                    crashes = 0
                    continue
                crashes = 1 if time.monotonic() - begun > self._limits.stable else crashes + 1
                if not self._was_ready and crashes >= self._limits.attempts:
                    raise StartError(self._tell(f"{self.child.name} {how}, {crashes} times in a row"))
                delay = min(self._limits.first_delay * 2 ** (crashes - 1), self._limits.longest_delay)
                self._watcher.crash(self.child.name, how=how, last=list(self._output.last), delay=delay)
                self._watcher.state(self.child.name, State.CRASHED)
                await asyncio.sleep(delay)
        finally:
            self._watcher.state(self.child.name, State.STOPPED)
            self._output.close()
            self.ended.set()

    async def stop(self, task: asyncio.Task[None]) -> None:
        """End the child and its `run` task: by its stop signal, after its patience by force."""
        self._stopping = True
        if self.pid is None:
            task.cancel()
        else:
            self._watcher.state(self.child.name, State.STOPPING)
            self._signal(self.child.stop_signal)
            await asyncio.wait([task], timeout=self.child.patience)
            self.kill()
        await asyncio.wait([task])

    async def restart(self) -> None:
        """End the life that it has, as `stop` does, and return when the next one is ready.

        Raises StartError where that does not come; it is tried again all the same.
        """
        await self.ready.wait()
        process = self._process
        assert process is not None  # noqa: S101 - what is ready has one
        self.ready.clear()
        self._restarting = True
        self._watcher.state(self.child.name, State.STOPPING)
        self._signal(self.child.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.child.patience)
        except TimeoutError:
            self.kill()
        try:
            await asyncio.wait_for(self.ready.wait(), self._limits.ready)
        except TimeoutError as error:
            raise StartError(self._tell(f"{self.child.name} did not come back in time")) from error

    def kill(self) -> None:
        """End the child and whatever it started in its process group, at once."""
        if self._process is not None:
            # Its group goes by the same number and can outlast it.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _live(self) -> str:
        """One life of the child; returns how it ended."""
        name = self.child.name
        self._output.last.clear()
        self._watcher.state(name, State.PREPARING)
        await asyncio.get_running_loop().run_in_executor(self._executor, self.child.prepare)
        self._watcher.state(name, State.STARTING)
        # A pipe of our own: asyncio's Process.wait() waits for the end of the pipes that it made, which a
        # grandchild can hold open, and the child's end would go unseen.
        reader, writer = os.pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *with_parent_death_signal(
                    self.child.command(), death=self.child.death_signal, account=self.child.account
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writer,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **self.child.env},
                cwd=self._cwd,
                start_new_session=True,  # Ctrl-C in the terminal is the launcher's to pass on, in order
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        pump = asyncio.create_task(self._output.pump(reader))
        poll = asyncio.create_task(self._poll())
        end = asyncio.create_task(process.wait())
        try:
            await asyncio.wait([poll, end], return_when=asyncio.FIRST_COMPLETED)
            if poll.done():
                poll.result()
            return _how(await end)
        finally:
            self.ready.clear()
            poll.cancel()
            self.kill()
            # What a grandchild still holds open is not waited for.
            await asyncio.wait([pump], timeout=1)
            pump.cancel()
            # Gathered, so that a probe that failed because the child was ending is not complained about.
            await asyncio.gather(end, poll, pump, return_exceptions=True)
            self._process = None

    async def _poll(self) -> None:
        """Ask until ready. Raises StartError past the deadline of a first start."""
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._limits.ready
        pause = self._limits.poll
        while True:
            try:
                await loop.run_in_executor(self._executor, self.child.probe)
            except NotReady as reason:
                if not self._was_ready and time.monotonic() > deadline:
                    raise StartError(
                        self._tell(
                            f"{self.child.name} was not ready within {self._limits.ready:g} s: {reason}"
                        )
                    ) from reason
                await asyncio.sleep(pause)
                pause = min(pause * 1.2, self._limits.slowest_poll)
            else:
                self._was_ready = True
                self.ready.set()
                self._watcher.state(self.child.name, State.READY)
                return

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _tell(self, what: str) -> str:
        lines = "\n".join(f"  {line}" for line in self._output.last) or "  (it wrote nothing)"
        return f"{what}. Its last lines:\n{lines}\nAll of them: {self.log}"


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"

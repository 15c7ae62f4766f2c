"""Starts children in the order of their needs, keeps them running, stops them in the reverse order."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.process.child import Child, Watcher
from deploy.local.process.runner import Limits, ProcessRunner, StartError

__all__ = ["Limits", "StartError", "Supervisor"]


class Supervisor:
    """The children of one launcher. A need that is not among them is taken to be met elsewhere.

    Use it in one event loop, from the main thread: children are tied to the thread that starts them.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        watcher: Watcher,
        logs: Path,
        cwd: Path,
        limits: Limits | None = None,
    ) -> None:
        self._watcher, self._logs, self._cwd = watcher, logs, cwd
        self._limits = limits or Limits()
        # Each waits for its own answer, so that a slow one does not delay the others.
        self._executor = ThreadPoolExecutor(max_workers=len(children) + 1, thread_name_prefix="probe")
        self._runners = {child.name: self._runner(child) for child in children}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def pids(self) -> Mapping[str, int | None]:
        return {name: runner.pid for name, runner in self._runners.items()}

    async def start(self) -> None:
        """Start all; returns when all are ready.

        Raises StartError, or what a `prepare` raised, on the first that cannot be; the others run on until `stop`.
        """
        for name, runner in self._runners.items():
            self._tasks[name] = self._run(runner)
        ready = asyncio.create_task(self._all_ready())
        try:
            await asyncio.wait([ready, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks.values():
                if task.done():
                    task.result()
        finally:
            ready.cancel()

    async def _all_ready(self) -> None:
        for runner in self._runners.values():
            await runner.ready.wait()

    async def wait_ready(self, name: str) -> None:
        """Until one child is ready."""
        await self._runners[name].ready.wait()

    async def restart(self, name: str) -> None:
        """End one child in order and start it again; returns when it is ready. Raises StartError."""
        await self._runners[name].restart()

    async def add(self, child: Child) -> None:
        """Start one more; returns when it is ready. Raises StartError, and then it is not among them."""
        runner = self._runners[child.name] = self._runner(child)
        task = self._tasks[child.name] = self._run(runner)
        ready = asyncio.create_task(runner.ready.wait())
        await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            del self._runners[child.name], self._tasks[child.name]
            task.result()

    async def remove(self, name: str) -> None:
        """End one child in order, for good."""
        await self._runners[name].stop(self._tasks[name])
        del self._runners[name], self._tasks[name]

    async def stop(self) -> None:
        """End all, each one after those that need it."""
        await asyncio.gather(*(self._stop(name) for name in self._tasks))
        self._executor.shutdown(wait=False, cancel_futures=True)

    def kill(self) -> None:
        """End all at once; `stop` then returns soon."""
        for runner in self._runners.values():
            runner.kill()

    async def _stop(self, name: str) -> None:
        dependents = [other for other, runner in self._runners.items() if name in runner.child.needs]
        for other in dependents:
            if other in self._tasks:
                await self._runners[other].ended.wait()
        await self._runners[name].stop(self._tasks[name])

    def _runner(self, child: Child) -> ProcessRunner:
        return ProcessRunner(
            child,
            watcher=self._watcher,
            log=self._logs / f"{child.name}.log",
            limits=self._limits,
            executor=self._executor,
            cwd=self._cwd,
        )

    def _run(self, runner: ProcessRunner) -> asyncio.Task[None]:
        needs = [self._runners[need] for need in runner.child.needs if need in self._runners]
        return asyncio.create_task(runner.run(needs), name=runner.child.name)

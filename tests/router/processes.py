"""Real processes for tests: started, waited for, read and stopped."""

import contextlib
import os
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_BODY = 65_536
"""The largest body that the tests' router and edge take."""
MAX_UPLOAD = 300_000
"""The same of a form with files."""
MAX_WEBHOOK = 20_000
"""The same of a webhook."""

SECRET = "dGhlLXNlY3JldC1vZi10aGUtcm91dGVyLWluLXRlc3Rz-41x"
"""What the tests' routers show to subgraphs."""


@dataclass
class Process:
    """A child process that answers at `url`, with all it wrote."""

    name: str
    url: str
    popen: subprocess.Popen[bytes]
    output: Path

    def log(self) -> str:
        return self.output.read_text()

    def stop(self) -> int:
        """Execute it to end; returns its exit code. One that stays is killed and fails the test."""
        self.popen.terminate()
        try:
            return self.popen.wait(30)
        finally:
            self.popen.kill()


class Processes:
    """What one test session started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Process] = []

    def start(
        self, name: str, command: list[str], *, url: str, ready: str, env: dict[str, str] | None = None
    ) -> Process:
        """Start a process and wait until `ready` below `url` answers 200."""
        output = self._folder / f"{name}-{len(self._running)}.log"
        with output.open("wb") as stream:
            popen = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=ROOT
            )
        process = Process(name, url, popen, output)
        self._running.append(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and popen.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(url + ready).status_code == 200:
                    return process
            time.sleep(0.05)
        pytest.fail(f"{name} did not become ready:\n{process.log()}")

    def stop(self) -> None:
        for process in reversed(self._running):
            if process.popen.poll() is None:
                process.stop()


Execute = Callable[..., httpx.Response]
Starter = Callable[..., Process]
WaitUntil = Callable[[Callable[[], bool]], Awaitable[None]]

"""Processes of the services that a test kills, freezes and starts again."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from deploy.local.process.parent_death import with_parent_death_signal
from tests.harness.launcher import ROOT

_PATIENCE = 60.0


class ServiceProcess:
    """`python -m subgraphs.NAME serve` at `port`, in whatever process it is at the moment."""

    def __init__(self, service: str, *, port: int, env: Mapping[str, str], log: Path) -> None:
        self.service = service
        self.url = f"http://127.0.0.1:{port}"
        self._env = {**_without_settings(), **env}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    async def migrate(self) -> None:
        """Prepare its database. Raises AssertionError with the output where that fails."""
        process = self._run("migrate")
        assert await asyncio.to_thread(process.wait) == 0, self._log.read_text()[-3000:]

    def start(self) -> None:
        self._process = self._run("serve")

    def kill(self) -> None:
        """End it as a loss of power would; nothing it has under way is finished."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Freeze it: it holds its connections and locks, and answers nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    async def wait_ready(self) -> None:
        """Raises TimeoutError, with its last output as a note, when it does not come up."""
        try:
            async with asyncio.timeout(_PATIENCE), httpx.AsyncClient(base_url=self.url, timeout=5) as http:
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        if (await http.get("/ready")).status_code == httpx.codes.OK:
                            return
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            error.add_note(self._log.read_text()[-3000:])
            raise

    def _run(self, command: str) -> subprocess.Popen[bytes]:
        argv = with_parent_death_signal([sys.executable, "-m", f"subgraphs.{self.service}", command])
        with self._log.open("ab") as log:
            return subprocess.Popen(
                argv, cwd=ROOT, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


def _without_settings() -> dict[str, str]:
    """The environment without what would be taken for settings of a service."""
    prefixes = ("ORDERS_", "PRODUCTS_", "USERS_", "REDIS_", "DB_", "JWT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}

"""What an engine is to its starter: a folder, a port, a command, a readiness probe."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from deploy.local.errors import LaunchError
from deploy.local.ports import Ports
from deploy.local.process.output import harmless
from deploy.local.process.parent_death import SystemUser, with_parent_death_signal
from deploy.local.process.probes import NotReady

_POLL = 0.02
_LAST_LINES = 15


class EngineError(LaunchError):
    """An engine cannot be started; the message says why and what to do."""


class Engine(ABC):
    """One server of a store.

    `prepare`, `command` and `probe` are what a supervisor needs; `start`, `wait_ready` and `stop` (or a `with`
    block) run it without one. Start it from a thread that lives as long as the engine should (see `parent_death`).
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    """Asks for a clean end that does not wait for clients."""
    death_signal: ClassVar[signal.Signals] = signal.SIGKILL
    """What it gets when its starter dies."""

    def __init__(self, data: Path, *, port: int | None = None, host: str = "127.0.0.1") -> None:
        self.data = data.absolute()
        self.host = host
        self._ports = Ports(host)
        self.port = port or self._ports.free()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where the output goes when no supervisor reads it."""
        return self.data / f"{self.name}.log"

    @property
    def account(self) -> SystemUser | None:
        """The system user it runs as, where that is not ours."""
        return None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @abstractmethod
    def url(self, database: str = "") -> str:
        """Address for a client."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder ready; nothing to do where a former start did it. Raises EngineError."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The server's program and arguments, in the foreground, logging to its output."""

    @abstractmethod
    def probe(self) -> None:
        """Return when it serves; raise NotReady otherwise. Called once more creates nothing twice."""

    def start(self) -> None:
        """Start the server; returns before it serves."""
        if self._process:
            raise EngineError(f"{self.name} is running already (process {self._process.pid}).")
        self.data.mkdir(parents=True, exist_ok=True)
        self.prepare()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                with_parent_death_signal(self.command(), death=self.death_signal, account=self.account),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Poll until it serves. Raises EngineError with the server's last lines."""
        deadline = time.monotonic() + timeout
        while True:
            if self._process is None or self._process.poll() is not None:
                raise EngineError(f"{self.name} ended while starting:\n{self._last_lines()}")
            try:
                self.probe()
            except NotReady as reason:
                if time.monotonic() > deadline:
                    raise EngineError(
                        f"{self.name} was not ready within {timeout:g} s: {reason}\n{self._last_lines()}"
                    ) from reason
                time.sleep(_POLL)
            else:
                return

    def stop(self, timeout: float = 10.0) -> None:
        """End the server, by force after `timeout`; the port stays ours, so that it can start again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the server as a crash would; for tests of what survives one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._ports.release()

    def _last_lines(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(f"  {harmless(line)}" for line in lines[-_LAST_LINES:])

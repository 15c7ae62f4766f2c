"""Launchers as a person starts them, and a way to see that nothing is left of them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.children import ROOT

DEADLINE = 30.0
_ADDRESSES = ("_DATABASE_URL", "REDIS_URL")


def eventually(condition: Callable[[], object], *, within: float = DEADLINE) -> None:
    """Poll until true; fails past the deadline."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """No such process, or only its entry for a parent that has not looked yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Launcher:
    """`supergraph up` with these options."""

    def __init__(self, *options: str, env: dict[str, str] | None = None) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.endswith(_ADDRESSES)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.cli", "up", *options, "--exit-with", str(os.getpid())],
            cwd=ROOT,
            env={**clean, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def descendants(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def wait_for(self, path: Path) -> None:
        """Until the state file is there; a launcher that ends before fails with its output."""
        eventually(lambda: path.exists() or self.process.poll() is not None)
        assert path.exists(), self.finish()[1]

    def finish(self, number: int | None = None) -> tuple[int, str]:
        """Its exit code and output, after signal `number` if one is given."""
        if number is not None:
            self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, output


@pytest.fixture
def up() -> Iterator[Callable[..., Launcher]]:
    """Starts launchers; what a failed test leaves running is ended."""
    started: list[Launcher] = []

    def start(*options: str, env: dict[str, str] | None = None) -> Launcher:
        started.append(Launcher(*options, env=env))
        return started[-1]

    yield start
    for launcher in started:
        if launcher.process.poll() is None:
            launcher.process.kill()
            launcher.process.communicate()


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that other users may enter, since root's PostgreSQL runs as one.

    Not below tmp_path: each pytest that starts on this machine closes the folder above it to others.
    """
    with tempfile.TemporaryDirectory(prefix="supergraph-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"

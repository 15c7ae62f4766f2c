"""The launcher as the tests use it: the real command, started once for all workers of a test run."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).parents[2]
_FOLDER = "SUPERGRAPH_TEST_FOLDER"
_RUNNER = "SUPERGRAPH_TEST_RUNNER"
_PATIENCE = 120.0
ROUTER_SECRET = "dGhlLXNlY3JldC1vZi10aGUtcm91dGVyLWluLXRlc3Rz-41x"
SANDBOX_SECRET = "c2lnbnMtdGhlLXdlYmhvb2tzLW9mLXRoZS1zYW5kYm94"
AS_THE_ROUTER = {"x-router-secret": ROUTER_SECRET}
"""Headers of a request that is sent to a subgraph as if by its router."""


def open_run() -> None:
    """Name the folder and the process of this test run; workers inherit both."""
    # Readable by others: PostgreSQL runs as a user of its own where the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="supergraph-tests-"))
    folder.chmod(0o755)
    os.environ[_FOLDER] = str(folder)
    os.environ[_RUNNER] = str(os.getpid())


def close_run() -> None:
    """Stop what the run started and delete what it wrote, unless SUPERGRAPH_TEST_KEEP asks for its logs."""
    folder = Path(os.environ.pop(_FOLDER))
    # The ones started last stand on those started first.
    for started in sorted(folder.glob("*.pid"), key=lambda p: p.stat().st_mtime, reverse=True):
        stop(int(started.read_text()))
    if os.environ.get("SUPERGRAPH_TEST_KEEP"):
        sys.stderr.write(f"\nkept: {folder}\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def folder() -> Path:
    return Path(os.environ[_FOLDER])


def shared(name: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The state of the launch called `name`; the first worker that asks starts it."""
    state = folder() / f"{name}.json"
    with FileLock(folder() / f"{name}.lock"):
        if not state.exists():
            process = launch(folder() / name, state, arguments, env=env)
            (folder() / f"{name}.pid").write_text(str(process.pid))
            wait_for(process, state)
    return read(state)


def launch(
    data: Path, state: Path, arguments: Sequence[str], *, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """`supergraph up` as a process; it ends with this run whatever happens to us."""
    command = [sys.executable, "-m", "deploy.local.cli", "up", "--data", str(data), "--state", str(state)]
    command += ["--exit-with", os.environ[_RUNNER], "--no-logs", *arguments]
    with state.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for(process: subprocess.Popen[bytes], state: Path) -> None:
    """Until `state` is written. Raises RuntimeError with the launcher's output when it gives up."""
    deadline = time.monotonic() + _PATIENCE
    while not state.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the launch failed:\n{state.with_suffix('.log').read_text()[-6000:]}")
        time.sleep(0.05)


def read(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(state.read_text())
    return found


def stop(pid: int, *, patience: float = 20.0) -> None:
    """Ask the launcher to stop and wait until it has."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and _alive(pid):
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

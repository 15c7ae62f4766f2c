"""Programs of others that do the same, in Node: Apollo Server, and Mercurius with JIT.

They are installed from npm into a cache folder of the user, by this module and by nothing else. What they answer comes from
their memory: no store, no token, no metrics.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {"@apollo/server": "5", "mercurius": "16", "fastify": "5", "graphql": "16"}
NAMES = {"apollo": "Apollo Server", "mercurius": "Mercurius + JIT"}
_SCRIPTS = Path(__file__).parent / "node"


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers over HTTP."""

    name: str
    url: str
    pid: int


def installed() -> Path | None:
    """The folder with the peers in it; None where npm cannot do it."""
    npm = shutil.which("npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "supergraph-bench"
    if npm is None:
        return None
    if not (cache / "node_modules" / "mercurius").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        packages = [f"{name}@{version}" for name, version in PACKAGES.items()]
        command = [npm, "install", "--prefix", str(cache), "--no-audit", "--no-fund", *packages]
        if subprocess.run(command, cwd=cache, check=False, capture_output=True).returncode:
            return None
    for script in _SCRIPTS.glob("*.mjs"):
        shutil.copy(script, cache)  # Node looks for packages beside the script
    return cache


def execution(folder: Path, which: str, query: str, seconds: float) -> float:
    """CPU microseconds of one execution in the process, without HTTP."""
    command = ["node", "executor.mjs", which, query, str(seconds)]
    return float(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)


@contextmanager
def serving() -> Iterator[Mapping[str, Server]]:
    """Both as servers, by their short names; none where npm cannot install them."""
    folder = installed()
    with ExitStack() as stack:
        yield (
            {} if folder is None else {which: stack.enter_context(_server(folder, which)) for which in NAMES}
        )


@contextmanager
def _server(folder: Path, which: str) -> Iterator[Server]:
    with subprocess.Popen(
        ["node", "server.mjs", which], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Server(NAMES[which], process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()

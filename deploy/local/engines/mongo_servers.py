"""The programs that speak MongoDB's wire protocol, in the order of choice.

1. `mongod` on PATH: what production runs
2. `secantusd-rs` on PATH: SecantusDB's native server
3. `secantusd-rs` of the locked wheel
4. `secantusd-py`: SecantusDB's server in Python, where the wheel holds no native one (Python 3.14)

The native server answers four to five times as fast as the one in Python; both keep the same files, and each goes on
with what the other wrote. SecantusDB is GPL, so it is only ever run, never imported: even its programs are found by
name.
"""

import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from deploy.local.engines.base import EngineError
from deploy.local.engines.replica_set import ensure_primary
from deploy.local.process.probes import mongo_hello

_LEAST_MONGOD = 6
"""The first whose single node may create collections and indexes in a transaction as the services do."""
_CACHE_MB = 128


@dataclass(frozen=True)
class MongoServer(ABC):
    """One program, its version as it says it, and where it was found."""

    program: Path
    version: str
    found: str

    name: ClassVar[str]
    """As `--mongo-server` has it."""
    maker: ClassVar[str]
    storage: ClassVar[str]
    """The folder of its files in that of the engine; the same where they are of one format."""

    @property
    def label(self) -> str:
        return f"{self.name} {self.version} ({self.found})"

    @abstractmethod
    def command(self, *, host: str, port: int, storage: Path, config: Path) -> list[str]:
        """In the foreground; every acknowledged write is on the disk."""

    def probe(self, host: str, port: int) -> None:
        """Return when it takes writes; raise NotReady otherwise."""
        mongo_hello(host, port)


class Mongod(MongoServer):
    """MongoDB's own server, as a replica set of one node."""

    name = "mongod"
    maker = "mongod"
    storage = "mongod"

    def command(self, *, host: str, port: int, storage: Path, config: Path) -> list[str]:  # noqa: ARG002 - SecantusDB's
        settings = {
            "dbpath": str(storage),
            "bind_ip": host,
            "port": str(port),
            "replSet": "supergraph",
            "oplogSize": "128",  # megabytes; the default is a twentieth of the disk
            "wiredTigerCacheSizeGB": "0.25",  # the least that it takes
        }
        return [str(self.program), *_arguments(settings), "--nounixsocket", "--quiet"]

    def probe(self, host: str, port: int) -> None:
        ensure_primary(host, port)


class Secantus(MongoServer):
    """SecantusDB. A write waits for its flush; without, one of the last tenth of a second dies with the process."""

    maker = "SecantusDB"
    storage = "wiredtiger"

    def command(self, *, host: str, port: int, storage: Path, config: Path) -> list[str]:
        settings = {
            "config": str(config),
            "host": host,
            "port": str(port),
            "storage-path": str(storage),
            "cache-size": f"{_CACHE_MB}M",
            "log-level": "WARNING",
        }
        return [*self._run(), *_arguments(settings), "--sync-on-commit"]

    @abstractmethod
    def _run(self) -> list[str]: ...


class NativeSecantus(Secantus):
    name = "secantusd-rs"

    def _run(self) -> list[str]:
        # Its log is allocated in files of this size, each at once: 2 GB by default.
        return [str(self.program), "--log-file-max", "32MB"]


class PythonSecantus(Secantus):
    name = "secantusd-py"

    def _run(self) -> list[str]:
        # Through this interpreter rather than the script's first line, which cannot name a long path.
        return [sys.executable, str(self.program)]


SERVERS: tuple[type[MongoServer], ...] = (Mongod, NativeSecantus, PythonSecantus)


def choose(name: str | None = None) -> MongoServer:
    """The first server that this machine has, or the first of that name. Raises EngineError where there is none."""
    for server in _found():
        if name in {None, server.name}:
            return server
    what = name or "server of MongoDB's protocol"
    raise EngineError(
        f"There is no {what} here. Install the embedded engines (make install), or set PRODUCTS_DATABASE_URL to a "
        "MongoDB of yours."
    )


def others(server: MongoServer) -> Iterator[type[MongoServer]]:
    """The kinds of server that keep other files."""
    return (kind for kind in SERVERS if kind.storage != server.storage)


def _found() -> Iterator[MongoServer]:
    if (path := shutil.which("mongod")) and _major(said := _version(Path(path))) >= _LEAST_MONGOD:
        yield Mongod(Path(path), said, path)
    own = Path(sys.executable).parent
    path = shutil.which("secantusd-rs")
    # Beside this interpreter there is only the wheel's own way to what comes next.
    if path and Path(path).parent != own and (said := _version(Path(path))):
        yield NativeSecantus(Path(path), said, path)
    for native in (_packages() / "secantusdb.scripts" / "secantusd-rs", own / "secantusd-rs"):
        if native.exists() and (said := _version(native)):
            yield NativeSecantus(native, said, "of the package secantusdb")
    python = own / "secantusd-py"
    # Its wheel is locked with what it imports only where it is the one to run.
    if python.exists() and find_spec("shapely"):
        yield PythonSecantus(python, "in Python", "of the package secantusdb")


def _packages() -> Path:
    package = find_spec("secantus")
    return Path(package.origin).parents[1] if package and package.origin else Path(sys.prefix)


def _version(program: Path) -> str:
    """`db version v8.0.4` and `secantusd-rs 0.5.3-beta.165` become what they end with; empty for what does not run."""
    try:
        done = subprocess.run(  # noqa: S603 - found by us
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = re.match(r"\S*(?: version)? v?(\d\S*)", done.stdout)
    return said[1] if said and done.returncode == 0 else ""


def _major(version: str) -> int:
    number = version.partition(".")[0]
    return int(number) if number.isdigit() else 0


def _arguments(settings: dict[str, str]) -> list[str]:
    return [argument for key, value in settings.items() for argument in (f"--{key}", value)]

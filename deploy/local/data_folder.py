"""The data folder: one launcher at a time, what it keeps between starts, and how it starts afresh."""

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from deploy.local.errors import LaunchError

_KEPT = (
    "postgres",
    "redis",
    "mongo",
    "balancer",
    "keys",
    "mail",
    "logs",
    "seeded",
    "services.token",
    "router.secret",
    "envoy.yaml",
    "apollo.yaml",
    "jwks.json",
    "state.json",
)
"""Everything the launcher writes here but its lock; a fresh start deletes these and nothing else."""


class DataFolderError(LaunchError):
    """The data folder cannot be used; the message says why and the way out."""


@dataclass(frozen=True)
class Holder:
    """Who runs on a data folder."""

    pid: int
    edge: str


class DataFolder:
    """A data folder, locked from `open` to `close`.

    The lock is the kernel's (flock on an open file), so it is gone with the process however that ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        self._new = False

    def open(self) -> Self:
        """Raises DataFolderError where the folder cannot be written or another launcher has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._new = not (self.path / "launcher.lock").exists()
            lock = os.open(self.path / "launcher.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise DataFolderError(
                f"The data folder {self.path} cannot be used: {error.strerror}. Choose another (--data FOLDER), "
                "or give this one back to yourself if another user, such as root, made it."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _read(lock)
            os.close(lock)
            raise DataFolderError(self._held_by(holder)) from error
        self._lock = lock
        return self

    def announce(self, holder: Holder) -> None:
        """Say in the lock who we are, for the one who finds it held."""
        if self._lock is None:
            raise DataFolderError("the data folder is not open")
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps(asdict(holder)).encode(), 0)

    def close(self) -> None:
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def in_use(self) -> bool:
        """Whether a launcher has the folder. Raises DataFolderError where that cannot be seen."""
        try:
            lock = os.open(self.path / "launcher.lock", os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise DataFolderError(f"The data folder {self.path} cannot be read: {error.strerror}.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    @property
    def state(self) -> Path:
        """Where a launcher that is ready writes what runs where."""
        return self.path / "state.json"

    def contents(self) -> list[Path]:
        """What a fresh start would delete."""
        return [self.path / name for name in _KEPT if (self.path / name).exists()]

    def clear(self, *, made_here: bool = False) -> None:
        """Delete them. Raises DataFolderError in a folder that was in use for something else before.

        `made_here` says that its contents are the caller's own.
        """
        if self._new and self.contents() and not made_here:
            (self.path / "launcher.lock").unlink()
            raise DataFolderError(
                f"{self.path} is not a data folder of supergraph, so nothing in it is deleted. "
                "Name the right one: --data FOLDER"
            )
        for path in self.contents():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def services_token(self) -> str:
        """The secret that services show each other."""
        return self._secret("services.token")

    def router_secret(self) -> str:
        """The secret that the routers show to the subgraphs."""
        return self._secret("router.secret")

    def _secret(self, name: str) -> str:
        """Made once, readable by us alone."""
        path = self.path / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_text()

    def keys(self) -> Path:
        """Where the users service keeps its signing keys."""
        path = self.path / "keys"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def _held_by(self, holder: Holder | None) -> str:
        if holder is None:
            return f"Another supergraph is starting on {self.path}. Wait for it, or use another folder: --data FOLDER"
        return (
            f"A supergraph runs on {self.path} already: process {holder.pid}, {holder.edge}\n"
            f"Stop it with Ctrl-C in its terminal or `kill {holder.pid}`, or start another beside it: "
            "supergraph up --data .supergraph-2 --edge-port 0"
        )


def _read(lock: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(lock, 4096, 0)))
    except (ValueError, TypeError):
        return None

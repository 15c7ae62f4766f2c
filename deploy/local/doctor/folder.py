"""The data folder: whose it is, what may read it, what an earlier run left."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from deploy.local.data_folder import DataFolder
from deploy.local.doctor.finding import Finding, fault, note, ok
from deploy.local.engines import EngineError, Mongo, PostgreSQL

_SECRET = ("services.token", "router.secret", "keys", "state.json", "jwks.json")
_CLOCK_SLACK = 120.0


def look(data: Path, *, is_running: bool) -> Iterator[Finding]:
    if not data.exists():
        yield ok("data folder", f"{data} is not there yet")
        return
    yield rights(data)
    yield secrets(data)
    yield clock(data, now=time.time())
    yield from versions(data)
    if not is_running:
        yield leftovers(data)


def rights(data: Path) -> Finding:
    owner = data.stat().st_uid
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK) or owner not in {os.geteuid(), 0}:
        return fault(
            "data folder",
            f"{data} belongs to user {owner}, and we are {os.geteuid()}",
            f"chown -R {os.geteuid()} {data}, or choose another: --data FOLDER",
        )
    return ok("data folder", str(data))


def secrets(data: Path) -> Finding:
    """What signs or opens something is its owner's to read."""
    open_to_others = [
        name
        for name in _SECRET
        if (data / name).exists() and (data / name).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if open_to_others:
        paths = " ".join(str(data / name) for name in open_to_others)
        return fault("secrets", f"others may read {', '.join(open_to_others)}", f"chmod -R go= {paths}")
    return ok("secrets", "closed to others")


def clock(data: Path, *, now: float) -> Finding:
    """A clock that was set back makes tokens of yesterday valid, and identifiers that sort wrongly."""
    latest = max((path.stat().st_mtime for path in (data, *data.glob("*"))), default=now)
    if latest > now + _CLOCK_SLACK:
        return fault(
            "clock",
            f"it is {latest - now:.0f} s behind the newest file of the data folder",
            "Set the clock (timedatectl set-ntp true); tokens and times of orders depend on it.",
        )
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def versions(data: Path) -> Iterator[Finding]:
    """The stores' files were written by what reads them now."""
    postgres = PostgreSQL(data / "postgres", port=1)
    try:
        if (postgres.cluster / "PG_VERSION").exists():
            postgres.prepare()
            yield ok(
                "files of PostgreSQL", f"of version {(postgres.cluster / 'PG_VERSION').read_text().strip()}"
            )
    except (EngineError, OSError) as error:
        yield fault(
            "files of PostgreSQL", str(error), "Name a PostgreSQL of that version (USERS_DATABASE_URL …)."
        )
    mongo = Mongo(data / "mongo", port=1)
    try:
        if mongo.data.exists():
            mongo.refuse_files_of_another()
            yield ok("files of the document store", f"for {mongo.server.label}")
    except EngineError as error:
        yield fault("files of the document store", str(error), "supergraph up --mongo-server NAME")


def leftovers(data: Path) -> Finding:
    """Locks and states of a run that is no more, and a server of it that still is."""
    cluster = PostgreSQL(data / "postgres", port=1).cluster
    try:
        pid = int((cluster / "postmaster.pid").read_text().split()[0])
        name = psutil.Process(pid).name()
    except (OSError, ValueError, IndexError, psutil.Error):
        pid, name = 0, ""
    if "postgres" in name:
        return fault(
            "locks", f"a PostgreSQL without its launcher, process {pid}, holds the data", f"kill {pid}"
        )
    if DataFolder(data).state.exists():
        return note(
            "locks",
            "the last run was killed; its state file is left",
            "None needed: the next start replaces it.",
        )
    return ok("locks", "none is left of an earlier run")

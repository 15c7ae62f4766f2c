"""The machine: Python, processor, disk, memory, open files, ports."""

import errno
import platform
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from deploy.local.doctor.finding import Finding, fault, note, ok
from deploy.local.ports import owner
from deploy.local.topology import HTTP_PORTS, LOOPBACK

_LEAST_PYTHON = (3, 11)
_ARCHITECTURES = {
    ("Linux", "x86_64"),
    ("Linux", "aarch64"),
    ("Darwin", "arm64"),
    ("Darwin", "x86_64"),
}
_MB = 1024 * 1024
_LEAST_DISK = 500 * _MB
_LEAST_MEMORY = 900 * _MB
"""Of the whole system with one process of each service, a little loaded."""
_LEAST_FILES, _GOOD_FILES = 1024, 8192


def look(data: Path, *, is_running: bool) -> Iterator[Finding]:
    yield python(sys.version_info[:3])
    yield architecture(platform.system(), platform.machine())
    yield disk(data)
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if not is_running:
        yield memory(psutil.virtual_memory().available)
        yield port("edge", HTTP_PORTS["edge"], optional=False)
        yield port("router", HTTP_PORTS["router"], optional=True)


def python(version: tuple[int, ...]) -> Finding:
    said = ".".join(map(str, version))
    if version < _LEAST_PYTHON:
        return fault("python", f"Python {said}", "Install Python 3.11 or newer, then: make install")
    return ok("python", f"Python {said}")


def architecture(system: str, machine: str) -> Finding:
    if (system, machine) in _ARCHITECTURES:
        return ok("architecture", f"{system} on {machine}")
    return fault(
        "architecture",
        f"{system} on {machine}, for which the embedded engines have no packages",
        "Name stores of yours (USERS_DATABASE_URL …), or use Linux on x86_64 or aarch64, or macOS.",
    )


def disk(data: Path) -> Finding:
    folder = next(place for place in (data, *data.parents) if place.exists())
    free = shutil.disk_usage(folder).free
    said = f"{free // _MB} MB free at {folder}"
    if free < _LEAST_DISK:
        return fault("disk", said, f"Free {_LEAST_DISK // _MB} MB, or choose another folder: --data FOLDER")
    return ok("disk", said)


def open_files(limit: int) -> Finding:
    said = "no limit on open files" if limit == resource.RLIM_INFINITY else f"{limit} open files a process"
    if limit == resource.RLIM_INFINITY or limit >= _GOOD_FILES:
        return ok("open files", said)
    remedy = f"Raise the limit before the start: ulimit -n {_GOOD_FILES}"
    return fault("open files", said, remedy) if limit < _LEAST_FILES else note("open files", said, remedy)


def memory(available: int) -> Finding:
    said = f"{available // _MB} MB of memory available"
    if available < _LEAST_MEMORY:
        return fault(
            "memory",
            said,
            f"The system needs {_LEAST_MEMORY // _MB} MB: end other programs, or start less of it (--only, --without).",
        )
    return ok("memory", said)


def port(component: str, number: int, *, optional: bool) -> Finding:
    what = f"port {number}"
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, number))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = (
                f"taken by {owner(number) or 'another program'}"
                if taken
                else f"not to be had: {error.strerror}"
            )
        else:
            return ok(what, f"free for the {component}")
    if optional:
        return note(what, f"{why}; the {component} takes a free one", f"To choose: --{component}-port PORT")
    return fault(what, why, f"Stop it, or choose another for the {component}: --{component}-port PORT")

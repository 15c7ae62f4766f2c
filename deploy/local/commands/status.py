"""`supergraph status`: each process of the system that runs."""

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil

from deploy.local.commands import data_option
from deploy.local.process.probes import NotReady, http_ok
from deploy.local.running import running
from deploy.local.topology import LOOPBACK

_PATHS = {"apollo": "/health?ready", "edge": "/health"}
_MB = 1024 * 1024


@dataclass(frozen=True)
class Standing:
    """A process as it is now. `state` is `ready`, `running` where a store cannot be asked, or why it is neither."""

    name: str
    component: str
    pid: int | None
    address: str
    state: str
    seconds: float
    memory_mb: float

    @property
    def is_well(self) -> bool:
        return self.state in {"ready", "running"}


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "status",
        help="show each process of the system that runs",
        description="Show each process of the system that runs on a data folder: whether it is ready, where it listens, since "
        "when it runs and how much memory it has. The exit code is 1 where one is not ready.",
    )
    command.set_defaults(run=_run)
    command.add_argument("--json", action="store_true", help="as JSON")
    data_option.add(command)


def _run(options: argparse.Namespace) -> int:
    found = standings(running(options.data))
    if options.json:
        sys.stdout.write(json.dumps([asdict(standing) for standing in found], indent=2) + "\n")
    else:
        sys.stdout.write(_table(found))
    return 0 if all(standing.is_well for standing in found) else 1


def standings(state: dict[str, Any]) -> list[Standing]:
    """Of each process that the launcher started, in the order of their start."""
    processes = [
        (component, process)
        for component, child in state["children"].items()
        for process in child["processes"]
        if process["started"]
    ]
    with ThreadPoolExecutor(max_workers=16) as asking:
        return list(asking.map(lambda found: _standing(state, *found), processes))


def _standing(state: dict[str, Any], component: str, process: dict[str, Any]) -> Standing:
    port = process["http"]
    seconds, memory = _of_process(process["pid"])
    host = LOOPBACK
    if component == "edge":
        host = urlsplit(state["addresses"]["edge"]).hostname or LOOPBACK
    return Standing(
        name=process["name"],
        component=component,
        pid=process["pid"],
        address=f"http://{host}:{port}" if port else "",
        state=_state(host, port, component, alive=seconds > 0),
        seconds=round(seconds, 1),
        memory_mb=round(memory / _MB, 1),
    )


def _of_process(pid: int | None) -> tuple[float, int]:
    """Seconds since its start and bytes of memory, both 0 where there is none."""
    try:
        process = psutil.Process(pid) if pid else None
        return (time.time() - process.create_time(), process.memory_info().rss) if process else (0.0, 0)
    except psutil.Error:
        return 0.0, 0


def _state(host: str, port: int | None, component: str, *, alive: bool) -> str:
    if not alive:
        return "not running"
    if not port:
        return "running"
    try:
        http_ok(host, port, _PATHS.get(component, "/ready"))
    except NotReady as reason:
        return f"not ready: {reason}"
    return "ready"


def _table(found: list[Standing]) -> str:
    rows = [("PROCESS", "PID", "SINCE", "MEMORY", "ADDRESS", "STATE")]
    rows += [
        (
            standing.name,
            str(standing.pid or "-"),
            f"{standing.seconds:.0f} s",
            f"{standing.memory_mb:.0f} MB",
            standing.address or "-",
            standing.state,
        )
        for standing in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)

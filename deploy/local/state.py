"""What a launcher that is ready writes down of itself, for its other commands and for who asked by `--state`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.components import BALANCER, IN_ORDER
from deploy.local.topology import Topology


def children(
    topology: Topology,
    pids: Mapping[str, int | None],
    settings: Mapping[str, Mapping[str, str]],
    *,
    logs: Path,
) -> dict[str, Any]:
    """By component: its settings, and each of its processes. `pid` and `log` are the first one's."""
    found: dict[str, Any] = {}
    ports = {**topology.http, BALANCER: topology.balancer_admin}
    for component in IN_ORDER:
        processes = [
            {
                "name": process.name,
                "pid": pids.get(process.name),
                "log": str(logs / f"{process.name}.log"),
                "started": component in topology.started,
                "http": process.http or ports.get(component) or None,
                "grpc": process.grpc,
            }
            for process in topology.processes(component)
        ]
        first = {"pid": processes[0]["pid"], "log": processes[0]["log"]}
        found[component] = {**first, "env": settings.get(component, {}), "processes": processes}
    return found


def write(path: Path, state: Mapping[str, object]) -> None:
    """Atomically, and readable by us alone: the settings hold the services' secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(state, file, indent=2)
    unfinished.replace(path)

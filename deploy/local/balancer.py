"""The balancer: an Envoy of its own between the callers inside and the processes of a service.

One listener a service, and one for its gRPC, in front of processes that are read from a file a service. The file is replaced
as processes come and go, and Envoy follows it without a restart. Only loopback reaches it; it adds no header and no
time limit, and sends again only what no process can have received.
"""

import asyncio
import json
import os
import time
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import balancer_config as config
from deploy.local.errors import LaunchError
from deploy.local.topology import LOOPBACK, Process, Topology

_POLL = 0.05
_PATIENCE = 10.0


class BalancerError(LaunchError):
    """The balancer does not follow."""


@dataclass(frozen=True)
class Balancer:
    """Its files below `folder`, and its administration."""

    folder: Path
    admin: int

    @property
    def configuration(self) -> Path:
        return self.folder / "envoy.json"

    def configure(self, topology: Topology) -> None:
        """Write everything that it reads."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for service, processes in topology.balanced.items():
            self.put(service, processes)
        _write(self.configuration, config.bootstrap(topology, admin=self.admin, folder=self.folder))

    def put(self, service: str, processes: Collection[Process], *, draining: Collection[str] = ()) -> None:
        """The processes of a service from now on; those `draining`, by name, finish what they have and get nothing new."""
        serves = {service: [(process.http, process) for process in processes]}
        if grpc := [(process.grpc, process) for process in processes if process.grpc is not None]:
            serves[f"{service}_grpc"] = grpc
        for name, ports in serves.items():
            endpoints = [
                config.endpoint(port, process, draining=process.name in draining) for port, process in ports
            ]
            _write(self.folder / f"{name}.json", config.assignment(name, endpoints))

    async def serves(self, service: str, processes: Collection[Process]) -> None:
        """Until it sends to these processes and to no other. Raises BalancerError where that takes too long."""
        expected = {
            port for process in processes for port in (process.http, process.grpc) if port is not None
        }
        deadline = time.monotonic() + _PATIENCE
        while (await self._hosts(service)).keys() != expected or not await self._all_healthy(
            service, expected
        ):
            if time.monotonic() > deadline:
                raise BalancerError(f"The balancer does not send to the processes of {service} as it should.")
            await asyncio.sleep(_POLL)

    async def drained(self, service: str, process: Process, *, patience: float) -> bool:
        """Until the process has no request of the balancer's any more; False where that takes longer than `patience`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            hosts = await self._hosts(service)
            found = [hosts[port] for port in (process.http, process.grpc) if port in hosts]
            if all(_is_draining(host) and not _active(host) for host in found):
                return True
            await asyncio.sleep(_POLL)
        return False

    async def _all_healthy(self, service: str, expected: Collection[int]) -> bool:
        hosts = await self._hosts(service)
        return all(port in hosts and _is_healthy(hosts[port]) for port in expected)

    async def _hosts(self, service: str) -> dict[int, dict[str, Any]]:
        """What it knows of each process, by port."""
        told = await asyncio.to_thread(self._ask)
        return {
            host["address"]["socket_address"]["port_value"]: host
            for cluster in told["cluster_statuses"]
            if cluster["name"] in {service, f"{service}_grpc"}
            for host in cluster.get("host_statuses", [])
        }

    def _ask(self) -> dict[str, Any]:
        url = f"http://{LOOPBACK}:{self.admin}/clusters?format=json"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
        except OSError as error:
            raise BalancerError(f"The balancer does not answer at {url}: {error}") from error
        return found


def _is_healthy(host: Mapping[str, Any]) -> bool:
    told = host["health_status"]
    return not told.get("failed_active_health_check") and told.get("eds_health_status") == "HEALTHY"


def _is_draining(host: Mapping[str, Any]) -> bool:
    return bool(host["health_status"].get("eds_health_status") == "DRAINING")


def _active(host: Mapping[str, Any]) -> int:
    return sum(int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "rq_active")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """At once, as Envoy looks for a file that is moved in."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content))
    unfinished.replace(path)

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

from deploy.local.errors import LaunchError
from deploy.local.topology import LOOPBACK, Process, Topology

_TYPES = "type.googleapis.com/envoy"
_EXTENSIONS = f"{_TYPES}.extensions"
_MOST_AT_ONCE = 8192
"""Requests of a service; each open subscription is one."""
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
        fronts = _fronts(topology)
        made = {
            "node": {"id": "balancer", "cluster": "supergraph-balancer"},
            "admin": {"address": _address(self.admin)},
            "static_resources": {
                "listeners": [_listener(name, port) for name, port in fronts.items()],
                "clusters": [self._cluster(name) for name in fronts],
            },
        }
        _write(self.configuration, made)

    def put(self, service: str, processes: Collection[Process], *, draining: Collection[str] = ()) -> None:
        """The processes of a service from now on; those `draining`, by name, finish what they have and get nothing new."""
        serves = {service: [(process.http, process) for process in processes]}
        if grpc := [(process.grpc, process) for process in processes if process.grpc is not None]:
            serves[f"{service}_grpc"] = grpc
        for name, ports in serves.items():
            endpoints = [
                _endpoint(port, process, draining=process.name in draining) for port, process in ports
            ]
            assignment = {
                "@type": f"{_TYPES}.config.endpoint.v3.ClusterLoadAssignment",
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": endpoints}],
            }
            _write(self.folder / f"{name}.json", {"resources": [assignment]})

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

    def _cluster(self, name: str) -> dict[str, Any]:
        protocol = "http2_protocol_options" if name.endswith("_grpc") else "http_protocol_options"
        return {
            "name": name,
            "type": "EDS",
            "connect_timeout": "1s",
            "lb_policy": "LEAST_REQUEST",
            "eds_cluster_config": {
                "eds_config": {
                    "resource_api_version": "V3",
                    "path_config_source": {"path": str(self.folder / f"{name}.json")},
                }
            },
            # One that was taken out is forgotten at once, though it still answers.
            "ignore_health_on_host_removal": True,
            # Where none is healthy, as without their store, each may be asked: it says what is wrong.
            "common_lb_config": {"healthy_panic_threshold": {"value": 1}},
            "health_checks": [_health_check()],
            "circuit_breakers": {
                "thresholds": [
                    {
                        "max_connections": _MOST_AT_ONCE,
                        "max_pending_requests": _MOST_AT_ONCE,
                        "max_requests": _MOST_AT_ONCE,
                        "max_retries": 64,
                    }
                ]
            },
            "typed_extension_protocol_options": {
                f"{_EXTENSIONS[len('type.googleapis.com/') :]}.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": f"{_EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {protocol: {}},
                    # uvicorn closes what is idle for 5 s; the balancer lets go first.
                    "common_http_protocol_options": {"idle_timeout": "4s"},
                }
            },
        }


def _fronts(topology: Topology) -> dict[str, int]:
    """The port of each listener, by the name of its cluster."""
    fronts: dict[str, int] = {}
    for service in topology.balanced:
        fronts[service] = topology.http[service]
        if service in topology.grpc:
            fronts[f"{service}_grpc"] = topology.grpc[service]
    return fronts


def _listener(name: str, port: int) -> dict[str, Any]:
    route = {
        "match": {"prefix": "/"},
        "route": {
            "cluster": name,
            "timeout": "0s",  # the caller's, and the service's own
            "idle_timeout": "0s",
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream",
                "num_retries": 3,
                "retry_host_predicate": [
                    {
                        "name": "envoy.retry_host_predicates.previous_hosts",
                        "typed_config": {
                            "@type": f"{_EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                        },
                    }
                ],
                "host_selection_retry_max_attempts": 3,
            },
        },
    }
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "HTTP2" if name.endswith("_grpc") else "AUTO",
        # Everything passes as the caller wrote it.
        "use_remote_address": False,
        "skip_xff_append": True,
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": "0s",
        "max_request_headers_kb": 96,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": f"{_EXTENSIONS}.filters.http.router.v3.Router",
                    "suppress_envoy_headers": True,
                },
            }
        ],
        "route_config": {
            "name": name,
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": _address(port), "filter_chains": [{"filters": filters}]}


def _health_check() -> dict[str, Any]:
    return {
        "timeout": "2s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": "/ready"},
    }


def _endpoint(port: int, process: Process, *, draining: bool) -> dict[str, Any]:
    # Of a process's gRPC, too, its HTTP tells whether it is ready.
    return {
        "endpoint": {
            "address": _address(port),
            "health_check_config": {"port_value": process.http},
        },
        "health_status": "DRAINING" if draining else "HEALTHY",
    }


def _is_healthy(host: Mapping[str, Any]) -> bool:
    told = host["health_status"]
    return not told.get("failed_active_health_check") and told.get("eds_health_status") == "HEALTHY"


def _is_draining(host: Mapping[str, Any]) -> bool:
    return bool(host["health_status"].get("eds_health_status") == "DRAINING")


def _active(host: Mapping[str, Any]) -> int:
    return sum(int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "rq_active")


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """At once, as Envoy looks for a file that is moved in."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content))
    unfinished.replace(path)

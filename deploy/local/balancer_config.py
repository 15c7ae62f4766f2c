"""Envoy's configuration as the balancer has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.local.topology import LOOPBACK, Process, Topology

_TYPES = "type.googleapis.com/envoy"
_EXTENSIONS = f"{_TYPES}.extensions"
_MOST_AT_ONCE = 8192
"""Requests of a service; each open subscription is one."""


def bootstrap(topology: Topology, *, admin: int, folder: Path) -> dict[str, Any]:
    """Its listeners and clusters; the processes of each are in a file of `folder`."""
    fronts = _fronts(topology)
    return {
        "node": {"id": "balancer", "cluster": "supergraph-balancer"},
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [_listener(name, port) for name, port in fronts.items()],
            "clusters": [_cluster(name, folder) for name in fronts],
        },
    }


def assignment(name: str, endpoints: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the file of a cluster holds."""
    assigned = {
        "@type": f"{_TYPES}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": endpoints}],
    }
    return {"resources": [assigned]}


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


def endpoint(port: int, process: Process, *, draining: bool) -> dict[str, Any]:
    # Of a process's gRPC, too, its HTTP tells whether it is ready.
    return {
        "endpoint": {
            "address": _address(port),
            "health_check_config": {"port_value": process.http},
        },
        "health_status": "DRAINING" if draining else "HEALTHY",
    }


def _cluster(name: str, folder: Path) -> dict[str, Any]:
    protocol = "http2_protocol_options" if name.endswith("_grpc") else "http_protocol_options"
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {
            "eds_config": {
                "resource_api_version": "V3",
                "path_config_source": {"path": str(folder / f"{name}.json")},
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


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}

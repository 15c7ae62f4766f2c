"""Where everything is: which port each component has, and which stores are ours or somebody else's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.local.components import BALANCER, ENGINES, IN_ORDER, SCALABLE, STORE_OF, SUBGRAPHS, ComponentError
from deploy.local.ports import PortError, Ports

LOOPBACK = "127.0.0.1"

# By component; the documented ports, which are preferred (edge, router) or where a component is expected that somebody
# else runs (`--without users`, to have it in a debugger).
HTTP_PORTS = {
    "users": 4001,
    "products": 4002,
    "orders": 4003,
    "router": 4000,
    "apollo": 4020,
    "rest": 4010,
    "edge": 8080,
}
GRPC_PORTS = {"users": 5001, "products": 5002}
STORE_PORTS = {"postgres": 5432, "redis": 6379, "mongo": 27017}
PORTED = (*HTTP_PORTS, *STORE_PORTS)

# Names that every service reads as well, but that could mean any of three databases here.
_SHARED_NAMES = {
    "DB_HOST": "USERS_DATABASE_URL, ORDERS_DATABASE_URL or PRODUCTS_DATABASE_URL",
    "DB_NAME": "USERS_DATABASE_URL, ORDERS_DATABASE_URL or PRODUCTS_DATABASE_URL, each with a database of its own",
    "REDIS_HOST": "REDIS_URL",
}


@dataclass(frozen=True)
class External:
    """Addresses of stores that are not ours to start, by subgraph."""

    databases: Mapping[str, str]
    redis: Mapping[str, str]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "External":
        """From `USERS_DATABASE_URL`, `ORDERS_REDIS_URL` … and `REDIS_URL` for all."""
        databases = {name: environ.get(f"{name.upper()}_DATABASE_URL", "") for name in SUBGRAPHS}
        everyone = environ.get("REDIS_URL", "")
        redis = {name: environ.get(f"{name.upper()}_REDIS_URL", everyone) for name in SUBGRAPHS}
        return cls(
            {name: url for name, url in databases.items() if url},
            {name: url for name, url in redis.items() if url},
        )

    def replaces(self, engine: str) -> bool:
        """Whether nobody needs our own."""
        if engine == "redis":
            return len(self.redis) == len(SUBGRAPHS)
        return all(name in self.databases for name, store in STORE_OF.items() if store == engine)


def ignored_names(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each documented bare name that is set but cannot say which store it means here."""
    return [
        f"{name} is set but does not replace an engine here: set {instead}."
        for name, instead in _SHARED_NAMES.items()
        if name in environ
    ]


@dataclass(frozen=True)
class Process:
    """One of the processes of a service, and the ports that it listens on itself."""

    name: str
    """That of the service where it is the only one and nothing stands in front of it, else with a number."""
    http: int
    grpc: int | None = None


@dataclass(frozen=True)
class Topology:
    """The addresses of one start."""

    started: frozenset[str]
    external: External
    edge_host: str
    http: Mapping[str, int]
    grpc: Mapping[str, int]
    stores: Mapping[str, int]
    admin: int
    """The edge's own administration."""
    notices: tuple[str, ...] = ()
    balanced: Mapping[str, tuple[Process, ...]] = field(default_factory=dict)
    """The processes of each service that the balancer stands in front of; `http` and `grpc` are then the balancer's."""
    balancer_admin: int = 0

    def processes(self, component: str) -> tuple[Process, ...]:
        """Those that make up a component."""
        alone = Process(component, self.http.get(component, 0), self.grpc.get(component))
        return self.balanced.get(component, (alone,))

    def names(self, components: Iterable[str] = IN_ORDER) -> tuple[str, ...]:
        """The processes that are started of these components, in the order of their start."""
        return tuple(
            process.name
            for component in components
            if component in self.started
            for process in self.processes(component)
        )

    def component(self, name: str) -> str:
        """What a process, also one that is no more, is of."""
        service, _, number = name.rpartition("-")
        return service if service in self.balanced and number.isdigit() else name

    def base(self, component: str) -> str:
        """`http://…` of a component, as other components reach it."""
        return f"http://{LOOPBACK}:{self.http[component]}"

    @property
    def queries(self) -> str:
        """The engine that queries and mutations go to; subscriptions are always `router`'s."""
        return "apollo" if "apollo" in self.started else "router"

    @property
    def edge(self) -> str:
        """What a person on this machine opens."""
        host = "localhost" if self.edge_host in {LOOPBACK, "0.0.0.0", "::"} else self.edge_host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.http['edge']}"

    def uses(self, subgraph: str) -> tuple[str, ...]:
        """The engines of ours that a subgraph needs."""
        store = () if subgraph in self.external.databases else (STORE_OF[subgraph],)
        return (*store, *(() if subgraph in self.external.redis else ("redis",)))


def plan(
    components: frozenset[str],
    *,
    external: External,
    wanted: Mapping[str, int | None],
    ports: Ports,
    edge_host: str,
    scale: Mapping[str, int] | None = None,
) -> Topology:
    """Choose ports. `wanted` holds what was asked for by component: 0 is any free port, None the default.

    `scale` holds the number of processes of each service that the balancer stands in front of.

    Raises PortError for a port that is taken, ComponentError for a subgraph that is left without a store of its own, or
    several processes of what is not started.
    """
    _refuse_one_database_for_two(external.databases)
    started = frozenset(
        component for component in components if component not in ENGINES or not external.replaces(component)
    )
    scale = scale or {}
    if absent := sorted(scale.keys() - started):
        raise ComponentError(f"--scale names {', '.join(absent)}, which this start does not have.")
    if scale:
        started |= {BALANCER}
    choice = _Choice(started, wanted, ports, edge_host)
    topology = Topology(
        started=started,
        external=external,
        edge_host=edge_host,
        http={component: choice.port(component, default) for component, default in HTTP_PORTS.items()},
        grpc={
            component: ports.free() if component in started else default
            for component, default in GRPC_PORTS.items()
        },
        stores={component: choice.port(component, default) for component, default in STORE_PORTS.items()},
        admin=ports.free(),
        notices=tuple(choice.notices),
        balanced={
            service: tuple(new_process(service, number, ports) for number in range(1, scale[service] + 1))
            for service in SCALABLE
            if service in scale
        },
        balancer_admin=ports.free() if scale else 0,
    )
    for subgraph in sorted(started.intersection(SUBGRAPHS)):
        for engine in topology.uses(subgraph):
            if engine not in started and wanted.get(engine) is None:
                setting = f"{subgraph.upper()}_{'REDIS' if engine == 'redis' else 'DATABASE'}_URL"
                raise ComponentError(
                    f"{subgraph} needs {engine}, which is not among the components to start. Add it, set {setting}, "
                    f"or say where one of yours listens: --{engine}-port PORT"
                )
    return topology


def new_process(service: str, number: int, ports: Ports) -> Process:
    """One more process of a service, on free ports."""
    grpc = ports.free() if service in GRPC_PORTS else None
    return Process(f"{service}-{number}", ports.free(), grpc)


def _refuse_one_database_for_two(databases: Mapping[str, str]) -> None:
    by_url: dict[str, str] = {}
    for subgraph, url in databases.items():
        if other := by_url.get(url):
            raise ComponentError(
                f"{other.upper()}_DATABASE_URL and {subgraph.upper()}_DATABASE_URL name the same database. Each subgraph "
                "migrates and owns one of its own: give them different names."
            )
        by_url[url] = subgraph


class _Choice:
    """One port after another, and what there is to say about them."""

    def __init__(
        self, started: frozenset[str], wanted: Mapping[str, int | None], ports: Ports, edge_host: str
    ) -> None:
        self._started = started
        self._wanted = wanted
        self._ports = ports
        self._edge_host = edge_host
        self.notices: list[str] = []

    def port(self, component: str, default: int) -> int:
        asked = self._wanted.get(component)
        if component not in self._started:
            return asked or default
        if asked or (asked is None and component == "edge"):
            return self._exactly(component, asked or default)
        if asked is None and component == "router":
            return self._preferably(component, default)
        return self._ports.free()

    def _exactly(self, component: str, port: int) -> int:
        host = self._edge_host if component == "edge" else LOOPBACK
        return self._ports.exactly(port, what=f"the {component}", option=f"--{component}-port", host=host)

    def _preferably(self, component: str, default: int) -> int:
        """Clients come through the edge, so the router may be elsewhere to nobody's harm."""
        try:
            return self._exactly(component, default)
        except PortError as error:
            port = self._ports.free()
            taken, _, _ = str(error).partition(". ")
            self.notices.append(
                f"{taken}: the {component} is on {port} (--{component}-port chooses another)."
            )
            return port

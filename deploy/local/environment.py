"""The settings that each process gets in the embedded default, as environment variables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.components import SUBGRAPHS
from deploy.local.edge import token_keys
from deploy.local.edge_tracing import endpoint, tracing_values
from deploy.local.exposure import STUDIO, Relaxation, edge_settings
from deploy.local.topology import LOOPBACK, Process, Topology

_MAX_BODY_BYTES = 1024 * 1024
"""As the router and the subgraphs have it."""
_MAX_UPLOAD_BYTES = 8 * 1024 * 1024 + 128 * 1024
"""The largest file that the products service takes, and what a form has beside it."""
_MAX_WEBHOOK_BYTES = 256 * 1024
"""Several times what a payment provider sends."""

_FOR_ALL = ("JWT_SECRET", "EVENTS_URL", "JAEGER_URL", "TRACING_SAMPLE_RATIO")
"""Bare names that are settings of each service."""

_OURS = ("_SERVER_HOST", "_SERVER_PORT", "_SERVER_GRPC_PORT", "ROUTER_HOST", "ROUTER_PORT", "ROUTER_ADDRESS")


@dataclass(frozen=True)
class Secrets:
    """What the data folder keeps for the services."""

    token: str
    keys: Path
    router: str


def settings(
    topology: Topology,
    urls: Mapping[str, Mapping[str, str]],
    *,
    secrets: Secrets,
    relaxations: Iterable[Relaxation],
    log_level: str,
    root: Path,
    environ: Mapping[str, str],
) -> dict[str, dict[str, str]]:
    """By component. `urls` holds `database` and `redis` of each subgraph.

    What the environment sets already stands, but for the addresses to listen on: those are the launcher's.
    """
    made = _defaults(topology, urls, secrets=secrets, log_level=log_level, root=root)
    for relaxation in relaxations:
        made["users"] |= relaxation.users
        for router in ("router", "apollo"):
            made[router] |= relaxation.router
    if "users" in topology.external.databases:
        # The documented walk creates products with the first account. Never on a database that is not ours.
        made["users"].pop("USERS_FIRST_ACCOUNT_ADMIN", None)
    if "orders" not in topology.external.databases:
        # Whoever tries the system out has no account with a provider of payments. Never for orders that are not ours.
        made["orders"]["ORDERS_PAYMENTS_PROVIDER"] = "sandbox"
    for component in SUBGRAPHS:
        # They reach the service anyway; named here, they reach those who look up how it was started.
        made[component] = {key: environ[key] for key in _given(component, environ)} | made[component]
    for component, secret in _router_secrets(secrets.router, environ).items():
        made[component]["ROUTER_SECRET"] = secret
    if collector := environ.get("JAEGER_URL"):
        made["apollo"] |= {"ROUTER_TRACING": "true", "ROUTER_TRACING_URL": endpoint(collector)}
    if environ.get("ROUTER_INTROSPECTION") == "false":
        made["apollo"]["ROUTER_REDACT_VALIDATION"] = "true"  # whose errors would tell the names
    return {
        component: {
            key: value if key.endswith(_OURS) else environ.get(key) or value for key, value in values.items()
        }
        for component, values in made.items()
    }


def of_process(service: str, process: Process, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a service as one of its processes gets them: with its own ports."""
    own = {f"{service.upper()}_SERVER_PORT": str(process.http)}
    if process.grpc is not None:
        own[f"{service.upper()}_SERVER_GRPC_PORT"] = str(process.grpc)
    return {**settings, **own}


def _router_secrets(ours: str, environ: Mapping[str, str]) -> dict[str, str]:
    """By component; where a file was named, all but Apollo Router read it themselves."""
    if file := environ.get("ROUTER_SECRET_FILE"):
        return {"apollo": Path(file).read_text().rstrip("\r\n")}
    return dict.fromkeys((*SUBGRAPHS, "router", "apollo"), ours)


def _given(component: str, environ: Mapping[str, str]) -> list[str]:
    """The settings of a service that the environment holds."""
    return [key for key in environ if key.startswith(f"{component.upper()}_") or key in _FOR_ALL]


def _defaults(
    topology: Topology, urls: Mapping[str, Mapping[str, str]], *, secrets: Secrets, log_level: str, root: Path
) -> dict[str, dict[str, str]]:
    services = {
        "USERS": topology.base("users"),
        "PRODUCTS": topology.base("products"),
        "ORDERS": topology.base("orders"),
        "USERS_GRPC": f"{LOOPBACK}:{topology.grpc['users']}",
        "PRODUCTS_GRPC": f"{LOOPBACK}:{topology.grpc['products']}",
        # For REST, whose event streams and uploads Apollo Router does not serve.
        "ROUTER": topology.base("router"),
        "TOKEN": secrets.token,
    }
    made: dict[str, dict[str, str]] = {}
    for component in (*SUBGRAPHS, "rest"):
        values = {
            "SERVER_HOST": LOOPBACK,
            "SERVER_PORT": str(topology.processes(component)[0].http),
            "LOGGING_LEVEL": log_level,
            "LOGGING_FORMAT": "console",
            **{f"SERVICES_{name}": value for name, value in services.items()},
        }
        if component in topology.grpc:
            values["SERVER_GRPC_PORT"] = str(topology.processes(component)[0].grpc)
        if component in urls:
            values["DATABASE_URL"] = urls[component]["database"]
            values["REDIS_URL"] = urls[component]["redis"]
        made[component] = {f"{component.upper()}_{key}": value for key, value in values.items()}
        made[component]["PYTHONUNBUFFERED"] = "1"
    made["users"] |= _users(topology, secrets)
    made["router"] = _router(topology, log_level, root)
    made["apollo"] = _apollo(topology, root)
    return made


def _users(topology: Topology, secrets: Secrets) -> dict[str, str]:
    return {
        "USERS_JWT_KEYS_DIR": str(secrets.keys),
        "USERS_MAIL_FOLDER": str(secrets.keys.parent / "mail"),
        "USERS_MAIL_RESET_URL": f"{topology.edge}/reset-password?token={{token}}",
        "USERS_MAIL_CONFIRM_URL": f"{topology.edge}/confirm-email?token={{token}}",
    }


def edge_values(
    topology: Topology,
    environ: Mapping[str, str],
    *,
    relaxations: Iterable[Relaxation],
    root: Path,
    data: Path,
) -> dict[str, str]:
    """The values that the edge's template may ask for; `EDGE_` and the name in the environment replaces a setting."""
    open_to = edge_settings(relaxations, environ)
    limit = open_to["EDGE_RATE_LIMIT_PER_MINUTE"]
    values = {
        "EDGE_HOST": topology.edge_host,
        "EDGE_PORT": str(topology.http["edge"]),
        "ADMIN_PORT": str(topology.admin),
        "SANDBOX_PAGE": str(root / "router" / "envoy" / "sandbox.html"),
        "TRUSTED_HOPS": environ.get("EDGE_TRUSTED_HOPS") or "0",
        "RATE_LIMIT_PER_MINUTE": limit,
        "RATE_LIMIT_BURST": environ.get("EDGE_RATE_LIMIT_BURST") or limit,
        "ACCOUNT_RATE_LIMIT_PER_MINUTE": environ.get("EDGE_ACCOUNT_RATE_LIMIT_PER_MINUTE") or limit,
        "MAX_BODY_BYTES": environ.get("EDGE_MAX_BODY_BYTES") or str(_MAX_BODY_BYTES),
        "MAX_UPLOAD_BYTES": environ.get("EDGE_MAX_UPLOAD_BYTES") or str(_MAX_UPLOAD_BYTES),
        "MAX_WEBHOOK_BYTES": environ.get("EDGE_MAX_WEBHOOK_BYTES") or str(_MAX_WEBHOOK_BYTES),
        "CORS_ORIGIN_REGEX": open_to["EDGE_CORS_ORIGIN_REGEX"],
        "TOKEN_KEYS": token_keys(environ, jwks=data / "jwks.json"),
        **tracing_values(environ),
    }
    for component in ("router", "rest", *SUBGRAPHS):
        values[f"{component.upper()}_HOST"] = LOOPBACK
        values[f"{component.upper()}_PORT"] = str(topology.http[component])
    values["SUBSCRIPTIONS_HOST"], values["SUBSCRIPTIONS_PORT"] = LOOPBACK, values["ROUTER_PORT"]
    values["ROUTER_PORT"] = str(topology.http[topology.queries])
    return values


def _apollo(topology: Topology, root: Path) -> dict[str, str]:
    return {
        "ROUTER_ADDRESS": f"{LOOPBACK}:{topology.http['apollo']}",
        "ROUTER_RHAI": str(root / "router" / "apollo" / "rhai"),
        "ROUTER_JWKS_URL": f"{topology.base('users')}/.well-known/jwks.json",
        "APOLLO_TELEMETRY_DISABLED": "true",
        **{f"ROUTER_{name.upper()}_URL": f"{topology.base(name)}/graphql" for name in SUBGRAPHS},
    }


def _router(topology: Topology, log_level: str, root: Path) -> dict[str, str]:
    values = {
        "ROUTER_HOST": LOOPBACK,
        "ROUTER_PORT": str(topology.http["router"]),
        "ROUTER_SUPERGRAPH": str(root / "schema" / "supergraph.graphql"),
        "ROUTER_LOGGING_LEVEL": log_level,
        # Without a limit Node lets garbage grow to 320 MB under load; with this one it is no slower.
        "NODE_OPTIONS": "--max-old-space-size=256",
        "NODE_ENV": "production",
        **{f"ROUTER_{name.upper()}_URL": f"{topology.base(name)}/graphql" for name in SUBGRAPHS},
    }
    if "edge" not in topology.started:
        values["ROUTER_CORS_ORIGINS"] = STUDIO  # with the edge in front, that answers CORS
    return values

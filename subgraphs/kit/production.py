"""What must not be so in production: with `ENVIRONMENT=production`, each unsafe setting is refused by its name.

What a setting refuses by itself, such as a shared secret that can be guessed, does not come so far.
"""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from subgraphs.kit.loopback import is_loopback
from subgraphs.kit.settings import ServiceSettings

_SHORTEST_PASSWORD = 12
_GIVEN_AWAY = {"postgres", "password", "admin", "root", "guest", "secret", "changeme", "changeit", "default"}
_POSTGRES_TLS = {"require", "verify-ca", "verify-full"}


class Finding(NamedTuple):
    """One setting, as the environment names it, and what is wrong with its value."""

    name: str
    fault: str

    def __str__(self) -> str:
        return f"{self.name}: {self.fault}"


def findings(settings: ServiceSettings) -> list[Finding]:
    """All that is unsafe in `settings`, in the order of the settings; secrets are not told."""
    prefix = settings.prefix
    return [
        Finding(f"{prefix}_{name}".upper(), fault)
        for name, fault in (*_of_every_service(settings), *settings.unsafe())
    ]


def of_the_database(settings: ServiceSettings) -> list[Finding]:
    """Those that count for who only reaches the database, such as a migration."""
    return [one for one in findings(settings) if one.name.startswith(f"{settings.prefix}_DATABASE_")]


def _of_every_service(settings: ServiceSettings) -> Iterator[tuple[str, str]]:
    if not settings.default_database:
        return  # a client of the router, which has no store and no GraphQL
    if settings.server.introspection:
        yield "server_introspection", "it is on, and tells the whole schema; set it to false"
    if settings.server.grpc_reflection:
        yield "server_grpc_reflection", "it is on, and tells all methods; set it to false"
    if not settings.server.router_secret.get_secret_value():
        yield (
            "server_router_secret",
            "it is missing; set ROUTER_SECRET, or ROUTER_SECRET_FILE, as for the router",
        )
    for section in ("database", "redis", "events"):
        store = getattr(settings, section)
        yield from (
            (f"{section}_{name}", fault) for name, fault in _of_a_store(store.url, flag=store.plaintext)
        )
    if not settings.services.token.get_secret_value():
        yield "services_token", "it is missing; set one secret for all services"


def _of_a_store(url: str, *, flag: bool) -> Iterator[tuple[str, str]]:
    parts = urlsplit(url)
    hosts = _hosts(parts.netloc)
    if all(is_loopback(host) for host in hosts):
        return
    if not flag and not _is_encrypted(url):
        where = ", ".join(hosts)
        advice = "let the address ask for it, or set this to true where the network is yours alone"
        yield "plaintext", f"{where} is reached without TLS; {advice}"
    user, separator, password = parts.netloc.rpartition("@")[0].partition(":")
    if separator and (fault := _weakness(unquote(user), unquote(password))):
        yield "url", f"its password {fault}; give the store a random one"


def _hosts(netloc: str) -> list[str]:
    """Of one address or of several, as those of a replica set; none where it is a socket of this machine."""
    found = [part.rpartition("@")[2] for part in netloc.rpartition("@")[2].split(",") if part]
    return [
        host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0] for host in found
    ]


def _is_encrypted(url: str) -> bool:
    parts = urlsplit(url)
    options = {key.lower(): values[-1].lower() for key, values in parse_qs(parts.query).items()}
    asked = options.get("tls", options.get("ssl", ""))
    if parts.scheme.startswith("mongodb"):
        return asked == "true" or (parts.scheme == "mongodb+srv" and asked != "false")
    if parts.scheme.startswith("postgres"):
        return options.get("ssl", options.get("sslmode")) in _POSTGRES_TLS
    return parts.scheme in {"rediss", "amqps"}


def _weakness(user: str, password: str) -> str | None:
    if password.lower() in {*_GIVEN_AWAY, user.lower()}:
        return "is one that everybody tries first"
    if len(password) < _SHORTEST_PASSWORD:
        return f"has fewer than {_SHORTEST_PASSWORD} characters"
    return None

"""What is relaxed for a person alone with the system on one machine, and only by name where others reach it."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from deploy.local.errors import LaunchError

_UNLIMITED = 600_000
"""Attempts or requests a minute: nobody on this machine meets it, a load test neither."""
# Sandbox is Apollo's page, which sends its queries from the browser to this machine.
STUDIO = "https://studio.apollographql.com"
_STUDIO_ORIGIN = STUDIO.replace(".", r"\.")

STRICT_EDGE = {"EDGE_RATE_LIMIT_PER_MINUTE": "300", "EDGE_CORS_ORIGIN_REGEX": _STUDIO_ORIGIN}
"""The edge's settings where nothing is relaxed; the services' own defaults are strict already."""


@dataclass(frozen=True)
class Relaxation:
    """Settings that make the system easier to try, and less safe for whom others reach."""

    name: str
    effect: str
    users: Mapping[str, str] = field(default_factory=dict)
    """Settings of the users service."""
    edge: Mapping[str, str] = field(default_factory=dict)
    router: Mapping[str, str] = field(default_factory=dict)

    def in_force(self, settings: Mapping[str, str]) -> bool:
        """Whether these settings, however they came about, have a relaxed value."""
        return any(
            settings.get(key) == value for key, value in {**self.users, **self.edge, **self.router}.items()
        )


RELAXATIONS = {
    relaxation.name: relaxation
    for relaxation in (
        Relaxation(
            "first-account-admin",
            "the first account that registers becomes the administrator",
            users={"USERS_FIRST_ACCOUNT_ADMIN": "true"},
        ),
        Relaxation(
            "common-passwords",
            "passwords of the list of common ones are taken",
            users={"USERS_PASSWORDS_REFUSE_COMMON": "false"},
        ),
        Relaxation(
            "unlimited-requests",
            "requests, logins and registrations from one address are as good as unlimited",
            users={
                f"USERS_THROTTLE_{what}_ADDRESS": f"{_UNLIMITED}/1m"
                for what in ("LOGIN", "REGISTRATION", "RESET")
            },
            edge={"EDGE_RATE_LIMIT_PER_MINUTE": str(_UNLIMITED)},
            router={
                f"ROUTER_MAX_{what}": str(_UNLIMITED)
                for what in ("CONNECTIONS_PER_ACCOUNT", "CONNECTIONS_PER_ADDRESS", "STARTS_PER_MINUTE")
            },
        ),
        Relaxation(
            "query-plans",
            "who asks for it by the header apollo-expose-query-plan gets the router's plan of a query",
            router={"ROUTER_EXPOSE_QUERY_PLAN": "true"},
        ),
        Relaxation(
            "local-origins",
            "pages of http://localhost, at any port, may call the API from a browser",
            edge={"EDGE_CORS_ORIGIN_REGEX": rf"{_STUDIO_ORIGIN}|http://(localhost|127\.0\.0\.1)(:\d+)?"},
        ),
    )
}


class ExposureError(LaunchError):
    """A relaxation that does not exist."""


def reached_by_others(host: str) -> bool:
    """Whether an address to listen on may be reached from other machines; a name other than localhost may."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def relaxed(edge_host: str, allowed: Iterable[str]) -> list[Relaxation]:
    """All of them where this machine alone reaches the edge, else those that are allowed by name."""
    names = list(allowed)
    for name in names:
        if name not in RELAXATIONS:
            close = get_close_matches(name, RELAXATIONS, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(RELAXATIONS)}."
            raise ExposureError(f"There is nothing called {name!r} to allow. {hint}")
    return [r for r in RELAXATIONS.values() if not reached_by_others(edge_host) or r.name in names]


def edge_settings(relaxations: Iterable[Relaxation], environ: Mapping[str, str]) -> dict[str, str]:
    """The edge's settings that a relaxation changes; what the environment sets goes before."""
    made = dict(STRICT_EDGE)
    for relaxation in relaxations:
        made |= relaxation.edge
    return {key: environ.get(key) or value for key, value in made.items()}


def warning(edge_host: str, settings: Mapping[str, str]) -> list[str]:
    """What a person must know who opens the edge to others, a sentence each; nothing where nobody else reaches it."""
    if not reached_by_others(edge_host):
        return []
    on = [r for r in RELAXATIONS.values() if r.in_force(settings)]
    lines = [f"Other machines reach the edge, on {edge_host}."]
    lines += [f"{r.name} is on: {r.effect}." for r in on]
    off = [r.name for r in RELAXATIONS.values() if r not in on]
    if off:
        lines.append(f"Off, unlike on this machine alone: {', '.join(off)}. --allow NAME turns one on.")
    if "first-account-admin" in off:
        lines.append("An administrator is made by: supergraph users create-admin")
    return lines


def summary(edge_host: str, settings: Mapping[str, str]) -> str:
    """Who reaches the edge and what is relaxed, in one line."""
    who = f"other machines, on {edge_host}" if reached_by_others(edge_host) else "this machine alone"
    return f"{who}; relaxed: {_listed(r.name for r in RELAXATIONS.values() if r.in_force(settings))}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def explanation() -> Collection[str]:
    """A line of help for each."""
    width = max(map(len, RELAXATIONS))
    return [f"  {r.name:<{width}}  {r.effect}" for r in RELAXATIONS.values()]

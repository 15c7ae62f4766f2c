"""What to show and to write down once everything is ready."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape

from deploy.local.components import STORE_OF, SUBGRAPHS
from deploy.local.topology import Topology

_QUERY = """{
  products(first: 3, sort: PRICE_ASC) {
    edges { node { name price { amount currency } stock category { name } } }
  }
}"""


def addresses(topology: Topology, urls: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By name, those that this start serves; the stores by whose they are."""
    found: dict[str, str] = {}
    if "edge" in topology.started:
        found |= {
            "edge": topology.edge,
            "graphql": f"{topology.edge}/graphql",
            "sandbox": f"{topology.edge}/sandbox",
            "rest": f"{topology.edge}/api/v1",
            "docs": f"{topology.edge}/docs",
            "admin": f"http://127.0.0.1:{topology.admin}",
        }
    found |= {
        component: topology.base(component)
        for component in (*SUBGRAPHS, "router", "apollo")
        if component in topology.started
    }
    if "rest" in topology.started:
        found["rest_direct"] = topology.base("rest")
    found |= {
        f"{name}_grpc": f"127.0.0.1:{port}"
        for name, port in topology.grpc.items()
        if name in topology.started
    }
    for name in SUBGRAPHS:
        found |= {f"{name}_database": urls[name]["database"], f"{name}_redis": urls[name]["redis"]}
    return found


def summary(
    topology: Topology,
    urls: Mapping[str, Mapping[str, str]],
    more: Mapping[str, str],
    *,
    data: Path,
    seconds: float,
    pid: int,
) -> RenderableType:
    """The table of addresses and of what `more` there is to know, with something to paste."""
    rows = [*_rows(topology, urls), *more.items(), ("Data", str(data)), ("Logs", str(data / "logs"))]
    width = max(len(label) for label, _ in rows)
    # Lines rather than a table of rich, which cuts what is wider than the terminal; a cut address cannot be copied.
    lines = [f"[bold]{label:<{width}}[/]  {escape(text)}" for label, text in rows]
    shown: list[RenderableType] = [f"\n[bold green]Ready[/] in {seconds:.1f} s\n", *lines]
    if "edge" in topology.started:
        body = json.dumps({"query": "{ products(first: 3) { edges { node { name stock } } } }"})
        shown += [
            f"\n[bold]A query to paste[/] at {topology.edge}/graphql",
            escape(_QUERY),
            "\n[bold]The same way with curl[/]",
            escape(f"curl -s {topology.edge}/graphql -H 'content-type: application/json' -d '{body}'"),
        ]
    return Group(*shown, f"\nCtrl-C, or `kill {pid}`, stops everything; the data stay.\n")


def _rows(topology: Topology, urls: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if "edge" in topology.started:
        rows += [
            ("Edge", topology.edge),
            ("GraphQL, explorer", f"{topology.edge}/graphql"),
            ("Apollo Sandbox", f"{topology.edge}/sandbox"),
            ("REST, its pages", f"{topology.edge}/api/v1, {topology.edge}/docs"),
        ]
    if "router" in topology.started:
        rows.append(("Router: Hive Gateway", f"{topology.base('router')}/graphql"))
    if "apollo" in topology.started:
        rows.append(("Router: Apollo", f"{topology.base('apollo')}/graphql, for queries and mutations"))
    if "rest" in topology.started:
        rows.append(("REST layer", topology.base("rest")))
        rows += _processes(topology, "rest")
    for name in SUBGRAPHS:
        if name in topology.started:
            grpc = f", gRPC 127.0.0.1:{topology.grpc[name]}" if name in topology.grpc else ""
            rows.append((f"Subgraph {name}", f"{topology.base(name)}/graphql{grpc}"))
            rows += _processes(topology, name)
    rows += [(label, _without_password(url)) for label, url in _stores(topology, urls).items()]
    return rows


def _processes(topology: Topology, service: str) -> list[tuple[str, str]]:
    """Those behind the balancer."""
    return [
        (f"  {process.name}", f"http://127.0.0.1:{process.http}")
        for process in topology.balanced.get(service, ())
    ]


def _stores(topology: Topology, urls: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Those that this start serves or uses."""
    found: dict[str, str] = {}
    for name in SUBGRAPHS:
        used = name in topology.started
        if used or STORE_OF[name] in topology.started:
            found[f"Store of {name}"] = urls[name]["database"]
    redis = {
        urls[name]["redis"] for name in SUBGRAPHS if name in topology.started or "redis" in topology.started
    }
    return found | {"Redis" if len(redis) == 1 else f"Redis {url}": url for url in sorted(redis)}


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{address}"

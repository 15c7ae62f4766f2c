"""What to show and to write down once everything is ready."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from deploy.local.layout import Layout
from deploy.local.parts import STORE_OF, SUBGRAPHS

_QUERY = """{
  products(first: 3, sort: PRICE_ASC) {
    edges { node { name price { amount currency } stock category { name } } }
  }
}"""


def addresses(layout: Layout, urls: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By name, those that this start serves; the stores by whose they are."""
    found: dict[str, str] = {}
    if "edge" in layout.started:
        found |= {
            "edge": layout.edge,
            "graphql": f"{layout.edge}/graphql",
            "sandbox": f"{layout.edge}/sandbox",
            "rest": f"{layout.edge}/api/v1",
            "docs": f"{layout.edge}/docs",
            "admin": f"http://127.0.0.1:{layout.admin}",
        }
    found |= {part: layout.base(part) for part in (*SUBGRAPHS, "router") if part in layout.started}
    if "rest" in layout.started:
        found["rest_direct"] = layout.base("rest")
    found |= {
        f"{name}_grpc": f"127.0.0.1:{port}" for name, port in layout.grpc.items() if name in layout.started
    }
    for name in SUBGRAPHS:
        found |= {f"{name}_database": urls[name]["database"], f"{name}_redis": urls[name]["redis"]}
    return found


def summary(
    layout: Layout, urls: Mapping[str, Mapping[str, str]], *, data: Path, seconds: float
) -> RenderableType:
    """The table of addresses, with something to paste."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ignore")  # cut addresses cannot be copied
    for label, address in _rows(layout, urls):
        table.add_row(f"[bold]{label}[/]", escape(address))
    table.add_row("[bold]Data[/]", escape(str(data)))
    table.add_row("[bold]Logs[/]", escape(str(data / "logs")))
    shown: list[RenderableType] = [f"\n[bold green]Ready[/] in {seconds:.1f} s\n", table]
    if "edge" in layout.started:
        body = json.dumps({"query": "{ products(first: 3) { edges { node { name stock } } } }"})
        shown += [
            f"\n[bold]A query to paste[/] at {layout.edge}/graphql",
            escape(_QUERY),
            "\n[bold]The same way with curl[/]",
            escape(f"curl -s {layout.edge}/graphql -H 'content-type: application/json' -d '{body}'"),
        ]
    return Group(*shown, "\nCtrl-C stops everything; the data stay.\n")


def write_state(path: Path, state: Mapping[str, object]) -> None:
    """Atomically, and readable by us alone: the settings hold the services' secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(state, file, indent=2)
    part.replace(path)


def _rows(layout: Layout, urls: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if "edge" in layout.started:
        rows += [
            ("Edge", layout.edge),
            ("GraphQL, explorer", f"{layout.edge}/graphql"),
            ("Apollo Sandbox", f"{layout.edge}/sandbox"),
            ("REST, its pages", f"{layout.edge}/api/v1, {layout.edge}/docs"),
        ]
    if "router" in layout.started:
        rows.append(("Router", f"{layout.base('router')}/graphql"))
    if "rest" in layout.started:
        rows.append(("REST layer", layout.base("rest")))
    for name in SUBGRAPHS:
        if name in layout.started:
            grpc = f", gRPC 127.0.0.1:{layout.grpc[name]}" if name in layout.grpc else ""
            rows.append((f"Subgraph {name}", f"{layout.base(name)}/graphql{grpc}"))
    rows += [(label, _without_password(url)) for label, url in _stores(layout, urls).items()]
    return rows


def _stores(layout: Layout, urls: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Those that this start serves or uses."""
    found: dict[str, str] = {}
    for name in SUBGRAPHS:
        used = name in layout.started
        if used or STORE_OF[name] in layout.started:
            found[f"Store of {name}"] = urls[name]["database"]
    redis = {urls[name]["redis"] for name in SUBGRAPHS if name in layout.started or "redis" in layout.started}
    return found | {"Redis" if len(redis) == 1 else f"Redis {url}": url for url in sorted(redis)}


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{address}"

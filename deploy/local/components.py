"""The components of the supergraph by name, and a choice among them."""

from collections.abc import Iterable
from difflib import get_close_matches

from deploy.local.errors import LaunchError

ENGINES = ("postgres", "redis", "mongo")
SUBGRAPHS = ("users", "products", "orders")
SCALABLE = (*SUBGRAPHS, "rest")
"""The services of which several processes may run."""
BALANCER = "balancer"
"""What spreads requests over them: no component to choose, but there where `--scale` asks for it."""
COMPONENTS = (*ENGINES, *SUBGRAPHS, "router", "apollo", "rest", "edge")
IN_ORDER = (*ENGINES, BALANCER, *COMPONENTS[len(ENGINES) :])
"""Of their start."""
STORE_OF = {"users": "postgres", "products": "mongo", "orders": "postgres"}
GROUPS = {"engines": ENGINES, "subgraphs": SUBGRAPHS}

_MOST_PROCESSES = 8
"""More than a machine with the embedded stores has use, or connections to PostgreSQL, for."""


class ComponentError(LaunchError):
    """Components or addresses that do not exist or do not fit together."""


def select(*, only: Iterable[str], without: Iterable[str]) -> frozenset[str]:
    """The components to start: all, or those of `only` with the engines they need, less those of `without`.

    Groups stand for their members.
    """
    chosen = _expand(only) or set(COMPONENTS)
    for subgraph in chosen & set(SUBGRAPHS):
        chosen |= {STORE_OF[subgraph], "redis"}
    left = frozenset(chosen - _expand(without))
    if not left:
        raise ComponentError("Nothing is left to start: --without takes away all that --only names.")
    return left


def processes_of(wishes: Iterable[str]) -> dict[str, int]:
    """`products=2` and the like as numbers by service. Raises ComponentError for what cannot be."""
    found: dict[str, int] = {}
    for wish in wishes:
        service, _, count = wish.partition("=")
        if service not in SCALABLE:
            raise ComponentError(f"--scale {wish}: there may be several of {', '.join(SCALABLE)}.")
        if not (count.isdigit() and 1 <= int(count) <= _MOST_PROCESSES):
            raise ComponentError(f"--scale {wish}: say how many, from 1 to {_MOST_PROCESSES}: {service}=2")
        found[service] = int(count)
    return found


def _expand(names: Iterable[str]) -> set[str]:
    components: set[str] = set()
    for name in names:
        if name in GROUPS:
            components |= set(GROUPS[name])
        elif name in COMPONENTS:
            components.add(name)
        else:
            known = [*GROUPS, *COMPONENTS]
            close = get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
            raise ComponentError(f"There is no component {name!r}. {hint}")
    return components

"""The parts of the supergraph by name, and a choice among them."""

from collections.abc import Iterable
from difflib import get_close_matches

from deploy.local.errors import LaunchError

ENGINES = ("postgres", "redis", "mongo")
SUBGRAPHS = ("users", "products", "orders")
PARTS = (*ENGINES, *SUBGRAPHS, "router", "rest", "edge")
STORE_OF = {"users": "postgres", "products": "mongo", "orders": "postgres"}
GROUPS = {"engines": ENGINES, "subgraphs": SUBGRAPHS}


class PartError(LaunchError):
    """Parts or addresses that do not exist or do not fit together."""


def select(*, only: Iterable[str], without: Iterable[str]) -> frozenset[str]:
    """The parts to start: all, or those of `only` with the engines they need, less those of `without`.

    Groups stand for their members.
    """
    chosen = _expand(only) or set(PARTS)
    for subgraph in chosen & set(SUBGRAPHS):
        chosen |= {STORE_OF[subgraph], "redis"}
    left = frozenset(chosen - _expand(without))
    if not left:
        raise PartError("Nothing is left to start: --without takes away all that --only names.")
    return left


def _expand(names: Iterable[str]) -> set[str]:
    parts: set[str] = set()
    for name in names:
        if name in GROUPS:
            parts |= set(GROUPS[name])
        elif name in PARTS:
            parts.add(name)
        else:
            known = [*GROUPS, *PARTS]
            close = get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
            raise PartError(f"There is no part {name!r}. {hint}")
    return parts

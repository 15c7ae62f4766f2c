"""`stock reconcile [--repair]`: whether the stock and the reservations of orders agree, for who operates the service."""

import argparse
import re
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial

import orjson

from subgraphs.kit.cli import Command
from subgraphs.products.domain.drift import Drift
from subgraphs.products.service.reconciliation import Reconciliation
from subgraphs.products.settings import ProductsSettings

OpenReconciliation = Callable[[ProductsSettings], AbstractAsyncContextManager[Reconciliation]]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def command(open_reconciliation: OpenReconciliation) -> Command:
    return Command(
        help="compare the stock with the reservations of orders, and mend what differs",
        run=partial(_run, open_reconciliation),
        add_arguments=_add_arguments,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    reconcile = actions.add_parser(
        "reconcile",
        help="report where stock and reservations do not agree",
        description="Report where stock and reservations do not agree: units that are neither recorded nor held, holds "
        "without a reservation, reservations without their hold, holds that stay pinned, work that nobody finishes. It "
        "may run while the service serves. Exits with 1 where a disagreement is left.",
    )
    reconcile.add_argument("--repair", action="store_true", help="mend what can be mended")
    reconcile.add_argument(
        "--pinned-for",
        type=_duration,
        default=timedelta(days=1),
        metavar="TIME",
        help="how long a payment may take, as 30m, 12h or 2d (default: 1d). A hold that is pinned for longer is let "
        "go; an order that is still being paid takes it back",
    )
    reconcile.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 30m, 12h or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


async def _run(
    open_reconciliation: OpenReconciliation, settings: ProductsSettings, options: argparse.Namespace
) -> None:
    found = left = 0
    async with open_reconciliation(settings) as reconciliation:
        async for drift in reconciliation.find(repair=options.repair, pinned_for=options.pinned_for):
            found += 1
            left += not drift.repaired
            _say(orjson.dumps(drift).decode() if options.json else _line(drift))
    if not options.json:
        _say(_summary(found, left))
    if left:
        sys.exit(1)


def _line(drift: Drift) -> str:
    result = {None: "", True: "; mended", False: "; could not be mended"}[drift.repaired]
    return f"{drift.kind}: {drift.message}{result}"


def _summary(found: int, left: int) -> str:
    if not found:
        return "Stock and reservations agree."
    return f"Disagreements: {found}, of which {left} are left."


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

"""`make bench`: measure what the README claims.

Times on a shared machine say little alone, so each run measures a yardstick beside them (a bare answer
of the same process) and prints the ratio. Loads are bounded in connections and time, and go to this
machine only.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import catalogue, cpu, executor, load, logins, startup
from tests.bench.report import Row
from tests.harness import launcher


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="length of each load (default: %(default)s)"
    )
    parser.add_argument(
        "--connections", type=int, default=16, help="connections of each load (default: %(default)s)"
    )
    parser.add_argument(
        "--cold",
        action="store_true",
        help="also clone, install with empty package caches, and start (needs the network)",
    )
    parser.add_argument(
        "--products",
        type=int,
        default=100_000,
        help="size of the large catalogue, which takes minutes to fill; 0 leaves it out (default: %(default)s)",
    )
    options = parser.parse_args()
    console = Console(stderr=True, highlight=False)
    console.print("measuring the executor alone …")
    rows: list[Row] = executor.measure()
    if options.cold:
        console.print("installing from nothing …")
        rows += startup.cold()
    with tempfile.TemporaryDirectory(prefix="supergraph-bench-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        launcher.open_run()
        try:
            console.print("starting twice …")
            rows += startup.warm(folder)
            state, rows_idle = startup.idle(folder)
            rows += rows_idle
            launch = launcher.read(state)
            addresses = launch["addresses"]
            console.print("measuring …")
            rows += asyncio.run(
                load.measure(addresses, seconds=options.seconds, connections=options.connections)
            )
            rows += asyncio.run(cpu.measure(launch, connections=options.connections))
            rows += asyncio.run(logins.measure(addresses))
            if options.products:
                console.print(
                    f"filling catalogues of {catalogue.SMALL:,} and {options.products:,} products …"
                )
                rows += asyncio.run(
                    catalogue.measure(addresses["products_database"], products=options.products)
                )
        finally:
            launcher.close_run()
    _print(rows)


def _print(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for column, justify in (("what", "left"), ("measured", "right"), ("beside", "left"), ("budget", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        budget = "" if row.within is None else f"[{'green' if row.within else 'red'}]{row.budget}[/]"
        table.add_row(row.what, row.measured, row.beside, budget)
    Console(width=120 if not sys.stdout.isatty() else None).print(table)


if __name__ == "__main__":
    main()

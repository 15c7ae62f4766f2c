"""`make bench`: measure what the README claims.

Times on a shared machine say little alone. So each load is beside a yardstick (a bare answer of the same process), CPU
time is preferred to time, and what Node's servers can do as well is beside them in the same run, from the same load.
Loads are bounded in connections and time, and go to this machine only.

  make bench                                     everything, as a table
  make bench ARGS="--only executor cpu"          some of it
  make bench ARGS="--save before.json"           keep the figures; then change something, and
  make bench ARGS="--against before.json"        see each beside what it was
  make bench ARGS=--draw                         also draw the picture of the README
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench import catalogue, cpu, drivers, executor, load, logins, observed, picture, saved, startup
from tests.bench.report import Row
from tests.harness import launcher

PICTURE = Path(__file__).with_name("figures.svg")
_ALONE = {"executor": "the executor alone, beside Node's"}
_RUNNING: Mapping[str, str] = {
    "start": "first and second start, memory at rest",
    "load": "requests a second on the running system",
    "cpu": "CPU time a request, beside Node's",
    "observed": "CPU time a request where a process is traced and scraped, against neither",
    "drivers": "Motor beside PyMongo's own asynchronous driver",
    "logins": "failed logins, known and unknown account",
    "catalogue": "listing and search in 1,000 and 100,000 products (minutes)",
}


def parser() -> argparse.ArgumentParser:
    cases = {**_ALONE, **_RUNNING}
    made = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--only",
        nargs="+",
        metavar="CASE",
        choices=cases,
        default=list(cases),
        help="; ".join(f"{name}: {text}" for name, text in cases.items()),
    )
    made.add_argument("--save", type=Path, metavar="FILE", help="keep the figures in FILE")
    made.add_argument("--against", type=Path, metavar="FILE", help="show each figure beside that of FILE")
    made.add_argument(
        "--draw",
        type=Path,
        metavar="FILE",
        nargs="?",
        const=PICTURE,
        help="draw what has a goal or a peer (default: the README's picture, tests/bench/figures.svg)",
    )
    made.add_argument("--seconds", type=float, default=3.0, help="length of each load (default: %(default)s)")
    made.add_argument(
        "--connections", type=int, default=16, help="connections of each load (default: %(default)s)"
    )
    made.add_argument(
        "--cold",
        action="store_true",
        help="also clone, install with empty package caches, and start (needs the network)",
    )
    made.add_argument(
        "--products",
        type=int,
        default=100_000,
        help="size of the large catalogue, which takes minutes to fill; 0 leaves it out (default: %(default)s)",
    )
    return made


def main() -> None:
    options = parser().parse_args()
    console = Console(stderr=True, highlight=False)
    try:
        before = saved.load(options.against) if options.against else {}
    except saved.SavedRunError as error:
        sys.exit(f"make bench: {error}")
    # How busy the machine is with other things, which the figures depend on.
    busy = os.getloadavg()[0]
    rows = list(_rows(options, console.print))
    _print(rows, before)
    if options.save:
        saved.save(rows, options.save)
    if options.draw:
        machine = f"{os.cpu_count()} cores with {busy:.0f} programs running before, Python {platform.python_version()}"
        options.draw.write_text(picture.draw(rows, commit=saved.commit(), machine=machine), encoding="utf-8")


def _rows(options: argparse.Namespace, say: Callable[[str], None]) -> Iterator[Row]:
    wanted = set(options.only)
    if "executor" in wanted:
        say("measuring the executor alone …")
        yield from executor.measure()
    if options.cold:
        say("installing from nothing …")
        yield from startup.cold()
    if wanted.isdisjoint(_RUNNING):
        return
    with tempfile.TemporaryDirectory(prefix="supergraph-bench-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        launcher.open_run()
        try:
            say("starting twice …")
            started = startup.warm(folder)
            state, rows_idle = startup.idle(folder) if "start" in wanted else (folder / "second.json", [])
            if "start" in wanted:
                yield from [*started, *rows_idle]
            yield from _on_the_running_system(launcher.read(state), wanted, options, say)
        finally:
            launcher.close_run()


def _on_the_running_system(
    launch: dict[str, Any], wanted: Collection[str], options: argparse.Namespace, say: Callable[[str], None]
) -> Iterator[Row]:
    addresses = launch["addresses"]
    say("measuring …")
    if "load" in wanted:
        yield from asyncio.run(
            load.measure(addresses, seconds=options.seconds, connections=options.connections)
        )
    if "cpu" in wanted:
        yield from asyncio.run(cpu.measure(launch, connections=options.connections))
    if "observed" in wanted:
        yield from asyncio.run(observed.measure(launch, connections=options.connections))
    if "drivers" in wanted:
        yield from uvloop.run(drivers.measure(addresses["products_database"]))
    if "logins" in wanted:
        yield from asyncio.run(logins.measure(addresses))
    if "catalogue" in wanted and options.products:
        say(f"filling catalogues of {catalogue.SMALL:,} and {options.products:,} products …")
        yield from asyncio.run(catalogue.measure(addresses["products_database"], products=options.products))


def _print(rows: list[Row], before: Mapping[str, tuple[float, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    columns = {"what": "left", "measured": "right", "peer": "left", "ratio": "right", "goal": "left"}
    columns |= {"before → now": "left"} if before else {}
    for column, justify in {**columns, "beside": "left"}.items():
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        goal = row.budget if row.within is None else f"[{'green' if row.within else 'red'}]{row.budget}[/]"
        peers = "\n".join(peer.measured(row.unit) for peer in row.peers)
        earlier = [saved.compared(row, before)] if before else []
        table.add_row(row.what, row.measured, peers, "\n".join(row.ratios()), goal, *earlier, row.beside)
    Console(width=150 if not sys.stdout.isatty() else None).print(table)


if __name__ == "__main__":
    main()

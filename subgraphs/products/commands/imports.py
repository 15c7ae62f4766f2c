"""`products import FILE`: reads, reports, and leaves the rest to the service."""

import argparse
import csv
import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import StartError
from subgraphs.kit.spreadsheets import cell_of
from subgraphs.kit.text_table import printable
from subgraphs.products.commands.catalogue_formats import Line, format_of, text_lines
from subgraphs.products.domain.imports import LineResult, Outcome
from subgraphs.products.service.imports import ProductImport
from subgraphs.products.settings import ProductsSettings

OpenImport = Callable[[ProductsSettings, bool], AbstractAsyncContextManager[ProductImport]]

SOME_REFUSED = 3
"""Exit status where lines were refused; everything else is in."""

_BATCH = 500
_MOST_SHOWN = 20


async def run(
    open_import: OpenImport, settings: ProductsSettings, options: argparse.Namespace, operator: Viewer
) -> None:
    """Exits with SOME_REFUSED where lines were. Raises StartError for a file that cannot be used."""
    begun = time.monotonic()
    with ExitStack() as stack:
        file = stack.enter_context(_opened(options.file))
        lines = format_of(options.file, options.format).read(text_lines(file))
        report = _Report(stack, options.refused)
        show = stack.enter_context(_progress(file))
        async with open_import(settings, options.only_missing) as service:
            while batch := list(islice(lines, _BATCH)):
                for result in await _take(service, operator, batch):
                    report.add(result)
                show(sum(report.counts.values()))
    report.finish(seconds=time.monotonic() - begun)
    if report.counts[Outcome.REFUSED]:
        sys.exit(SOME_REFUSED)


async def _take(service: ProductImport, operator: Viewer, batch: list[Line]) -> list[LineResult]:
    unreadable = [line for line in batch if isinstance(line, LineResult)]
    done = await service.take(operator, [line for line in batch if not isinstance(line, LineResult)])
    return sorted([*unreadable, *done], key=lambda result: result.number)


class _Report:
    """Counts what became of the lines, and says why some were refused: the first ones here, all in a file."""

    def __init__(self, stack: ExitStack, file: Path | None) -> None:
        self.counts: Counter[Outcome] = Counter()
        self._rows: Any = None
        if file is not None:
            try:
                opened = stack.enter_context(file.open("w", newline="", encoding="utf-8"))
            except OSError as error:
                raise StartError(f"{file}: {error.strerror}") from error
            self._rows = csv.writer(opened)
            self._rows.writerow(("line", "sku", "reason"))

    def add(self, result: LineResult) -> None:
        self.counts[result.outcome] += 1
        if result.fault is None:
            return
        sku, reason = result.sku or "", result.fault.message
        if self._rows is not None:
            self._rows.writerow((result.number, cell_of(sku), cell_of(reason)))
        if self.counts[Outcome.REFUSED] <= _MOST_SHOWN:
            sys.stderr.write(printable(f"line {result.number}: {f'{sku}: ' if sku else ''}{reason}") + "\n")

    def finish(self, *, seconds: float) -> None:
        hidden = self.counts[Outcome.REFUSED] - _MOST_SHOWN
        if hidden > 0:
            where = "" if self._rows is not None else "; --refused FILE keeps them all"
            sys.stderr.write(f"… and {hidden} more refused lines{where}\n")
        counts = ", ".join(
            f"{self.counts[outcome]:,} {outcome.value}"
            for outcome in Outcome
            if self.counts[outcome] or outcome is not Outcome.PASSED_OVER
        )
        sys.stdout.write(f"{counts}: {sum(self.counts.values()):,} lines in {seconds:.1f} s\n")


@contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    """The file, or standard input for None. Raises StartError."""
    if file is None:
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}") from error
    with opened:
        yield opened


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, where standard error is one: how much of the file is read, and how many lines are done."""
    found = os.fstat(file.fileno())
    total = found.st_size if stat.S_ISREG(found.st_mode) else None
    columns = (
        TextColumn("{task.fields[lines]:,} lines"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total, lines=0)

        def show(lines: int) -> None:
            progress.update(task, completed=None if total is None else file.tell(), lines=lines)

        yield show

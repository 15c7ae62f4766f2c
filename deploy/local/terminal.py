"""What the person sees: progress while things start, then the addresses, then live logs with a prefix."""

import os
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from deploy.local.process.child import State

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_MARKS = {
    State.WAITING: "[dim]·[/]",
    State.READY: "[green]✓[/]",
    State.CRASHED: "[red]✗[/]",
    State.STOPPING: "[dim]·[/]",
    State.STOPPED: "[dim]·[/]",
}


class Terminal:
    """The launcher's terminal or file. Implements Watcher.

    `shown` tells of a child by its name whether its logs are shown; they are held back while things start (they are in the log
    files, and the last lines are in every message of a failure) unless `early`.
    """

    def __init__(self, *, names: Sequence[str], shown: Callable[[str], bool], early: bool = False) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._begun = time.monotonic()
        self._shown = shown
        self._flowing = early
        self._coloured = self.console.is_terminal and not self.console.no_color
        self._width = max(map(len, [*names, "launcher"]))
        self._colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._states = dict.fromkeys(names, (State.WAITING, self._begun))
        self._ready_once: set[str] = set()
        self._live: Live | None = None
        if self.console.is_terminal and not early:
            self._live = Live(
                get_renderable=self._progress, console=self.console, refresh_per_second=10, transient=True
            )

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._begun

    def begin(self) -> None:
        if self._live:
            self._live.start()

    def end_of_start(self) -> None:
        """Progress is over."""
        if self._live:
            self._live.stop()
            self._live = None

    def flow(self) -> None:
        """From now on logs are shown."""
        self._flowing = True

    def say(self, message: str) -> None:
        """A sentence of the launcher's own; rich markup."""
        if self._flowing:
            self._write("launcher", message, own=True)
        else:
            self._guarded(lambda: self.console.print(message))

    def print(self, what: RenderableType) -> None:
        self._guarded(lambda: self.console.print(what))

    def line(self, name: str, line: str) -> None:
        if self._flowing and self._shown(name):
            self._write(name, line)

    def state(self, name: str, state: State) -> None:
        since = self._states.get(name, (state, time.monotonic()))[1]
        if state in {State.PREPARING, State.STOPPING} or (
            state is State.STARTING and name in self._ready_once
        ):
            since = time.monotonic()
        self._states[name] = (state, since)
        if state is not State.READY:
            return
        took = time.monotonic() - since
        if name in self._ready_once:
            self.say(f"[green]{name} is back[/] after {took:.1f} s")
        elif not self._live:
            self.say(f"{name} is ready after {took:.1f} s")
        self._ready_once.add(name)

    def crash(self, name: str, *, how: str, last: Sequence[str], delay: float) -> None:
        self.say(f"[bold red]{name} {escape(how)}[/]; it is started again in {delay:g} s. Its last lines:")
        for line in last or ["(it wrote nothing)"]:
            if self._flowing:
                self._write(name, line)
            else:
                self.say(f"  {escape(line)}")

    def _progress(self) -> Table:
        now = time.monotonic()
        table = Table.grid(padding=(0, 1))
        for name, (state, since) in self._states.items():
            mark = _MARKS.get(state) or Spinner("dots", style="cyan")
            took = "" if state in {State.WAITING, State.READY} else f"{now - since:.0f} s"
            table.add_row(mark, name, f"[dim]{state}[/]", f"[dim]{took}[/]")
        return table

    def _write(self, name: str, line: str, *, own: bool = False) -> None:
        if own:
            self._guarded(lambda: self.console.print(f"[bold]{name:<{self._width}} │[/] {line}"))
            return
        prefix = f"{name:<{self._width}} │ "
        if self._coloured:
            prefix = f"\x1b[{self._colours.get(name, _COLOURS[0])}m{prefix}\x1b[0m"
        # Not through rich: a thousand lines a second go by here.
        self._guarded(lambda: print(f"{prefix}{line}", flush=True))  # noqa: T201 - the terminal is the output

    def _guarded(self, write: Callable[[], object]) -> None:
        """A terminal that went away must not take the children's supervision with it."""
        try:
            write()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

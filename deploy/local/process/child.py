"""What the supervisor must know of one child."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from deploy.local.process.parent_death import SystemUser


class State(StrEnum):
    """Where a child stands."""

    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    CRASHED = "crashed"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process: how to start it, when it is ready, how it ends."""

    name: str
    command: Callable[[], Sequence[str]]
    """Called at each start, after `prepare`."""
    probe: Callable[[], None]
    """Blocks shortly; raises NotReady until the child serves."""
    env: Mapping[str, str] = field(default_factory=dict)
    """What it gets beside the launcher's own environment."""
    needs: tuple[str, ...] = ()
    """Children that must be ready before it starts, and outlast it at the end."""
    prepare: Callable[[], None] = lambda: None
    """Blocking work before each start, such as writing its configuration."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    account: SystemUser | None = None
    patience: float = 10.0
    """Seconds between the stop signal and SIGKILL."""


class Watcher(Protocol):
    """Whoever shows what happens to the children."""

    def line(self, name: str, line: str) -> None:
        """One line of a child's output."""

    def state(self, name: str, state: State) -> None:
        """A child went on to another state."""

    def crash(self, name: str, *, how: str, last: Sequence[str], delay: float) -> None:
        """A child ended by itself after these last lines, and is started again in `delay` seconds."""

"""What carries events from their outboxes to their consumers: the small protocol that every transport speaks.

Events of one source form a stream. A *group* is all processes that read a stream for one purpose: each event is
delivered to one of them, again where that one has died or failed, and at last to the source's dead letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event as an outbox holds it."""

    id: str
    type: str
    source: str
    envelope: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as a group gets it. `attempts` counts this delivery and those before it, from 1."""

    tag: str
    text: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events a group has taken and not acknowledged, has not taken yet, and its source has given up."""

    pending: int
    lag: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that `group` has given up. `tag` is its name among the dead letters of its source."""

    tag: str
    source: str
    group: str
    reason: str
    text: str


class Publisher(Protocol):
    async def publish(self, events: Sequence[OutgoingEvent]) -> list[OutgoingEvent]:
        """Append `events` to the streams of their sources, in order; returns those that were taken.

        One that is refused keeps no other from its stream. Raises an outage where nothing is taken from anybody.
        """


class Subscription(Protocol):
    """One process's membership of a group."""

    async def receive(self) -> Sequence[Delivery]:
        """What is to be handled next, after a short wait where there is nothing. Raises outages."""

    async def acknowledge(self, delivery: Delivery) -> None:
        """It has been handled, and comes no more."""

    async def postpone(self, delivery: Delivery, *, counted: bool) -> None:
        """It comes again after a pause; as if for the first time where this attempt is not to be `counted`."""

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Move it to the dead letters of its source."""

    async def backlog(self) -> Backlog: ...

    async def close(self) -> None:
        """Leave. What was delivered to this process and not acknowledged goes to another one."""


class DeadLetters(Protocol):
    """The events of all groups that were given up."""

    async def list(self, source: str) -> Sequence[DeadLetter]:
        """Oldest first."""

    async def replay(self, letter: DeadLetter) -> bool:
        """Hand it to its group once more, and remove it. False where somebody else has done so."""


class Transport(Publisher, Protocol):
    @property
    def system(self) -> str:
        """The name that OpenTelemetry has for it."""

    def subscribe(self, source: str, group: str) -> Subscription: ...

    def dead_letters(self) -> DeadLetters: ...

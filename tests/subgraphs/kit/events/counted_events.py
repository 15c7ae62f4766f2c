"""A stream of numbered events of its own, and what its consumers have handled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Self

from subgraphs.kit.background import running
from subgraphs.kit.events.consumer import Consumer, Handler
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.transport import Backlog, DeadLetter, OutgoingEvent, Transport
from subgraphs.kit.ids import new_id

MOMENT = timedelta(milliseconds=50)

OpenTransport = Callable[..., Awaitable[Transport]]


def outgoing(source: str, n: int) -> OutgoingEvent:
    event = Event(type="Counted", source=source, key="k", data={"n": n})
    return OutgoingEvent(event.id, event.type, event.source, event.to_json())


class CountedEvents:
    def __init__(self, transport: Transport, source: str) -> None:
        self.transport = transport
        self.source = source
        self.handled: list[int] = []
        self.failures: dict[int, list[Exception]] = {}
        """By number, what the handler raises, an attempt each."""

    @classmethod
    async def open(cls, open_transport: OpenTransport, **options: Any) -> Self:
        """Of a source with two groups, g and other."""
        source = new_id()
        return cls(await open_transport(**{source: ("g", "other")}, **options), source)

    async def write(self, *numbers: int) -> None:
        events = [outgoing(self.source, n) for n in numbers]
        assert await self.transport.publish(events) == events

    async def handle(self, event: Event) -> None:
        n = event.data["n"]
        if self.failures.get(n):
            raise self.failures[n].pop()
        self.handled.append(n)

    def consumer(
        self,
        group: str = "g",
        *,
        handler: Handler | None = None,
        transport: Transport | None = None,
        **options: Any,
    ) -> Consumer:
        return Consumer(
            transport or self.transport,
            handler or self.handle,
            source=self.source,
            group=group,
            **{"max_attempts": 3, **options},
        )

    async def backlog(self, group: str = "g") -> Backlog:
        return await self.transport.subscribe(self.source, group).backlog()

    async def letters(self) -> list[DeadLetter]:
        return list(await self.transport.dead_letters().list(self.source))

    async def until(self, *numbers: int, dead: int = 0, within: float = 30) -> None:
        """Until exactly `numbers` have been handled, in any order, and so many were given up."""
        async with asyncio.timeout(within):
            while sorted(self.handled) != sorted(numbers) or (await self.backlog()).dead != dead:  # noqa: ASYNC110 - in a server
                await asyncio.sleep(0.02)


@asynccontextmanager
async def consuming(*consumers: Consumer) -> AsyncIterator[None]:
    """Have `consumers` work beside the body, as members of their groups that leave at its end."""
    async with running(*(consumer.jobs[0] for consumer in consumers)):
        yield
    for consumer in consumers:
        await consumer.close()

"""Server-sent events, read and written: WHATWG HTML, section 9.2 (Server-sent events)."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event; `data` is its data lines joined."""

    data: str
    event: str = "message"
    id: str | None = None


def encode(event: Event) -> bytes:
    lines = [] if event.id is None else [f"id: {event.id}"]
    lines.append(f"event: {event.event}")
    lines += [f"data: {line}" for line in event.data.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


async def decode(chunks: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """The events of a byte stream; comments and an unfinished last event are dropped, as the standard says."""
    name, data = "message", list[str]()
    async for line in _lines(chunks):
        if not line:
            if data or name == "complete":  # graphql-sse ends with an event that may carry no data
                yield Event("\n".join(data), name)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    # Split on bytes: str.splitlines would also break at U+2028 and its like, which JSON may hold.
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode()

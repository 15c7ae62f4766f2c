"""Spans of events: each is in the trace of the request that its event tells of, whoever carries it and when."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import orjson
from opentelemetry.trace import Span, SpanKind

from subgraphs.kit import tracing
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.streams import stream_of
from subgraphs.kit.events.transport import OutgoingEvent


@contextmanager
def publishing(events: Sequence[OutgoingEvent], *, system: str) -> Iterator[None]:
    """Records that `events` are published during the body, by the context that their outbox has kept."""
    spans = [_publication(event, system) for event in events] if tracing.is_recording() else []
    try:
        yield
    finally:
        for span in spans:
            span.end()


def _publication(event: OutgoingEvent, system: str) -> Span:
    carrier = {"traceparent": str(orjson.loads(event.envelope).get("traceparent") or "")}
    attributes = _attributes("send", event.id, event.source, system)
    return tracing.part_of(carrier, f"send {event.type}", kind=SpanKind.PRODUCER, attributes=attributes)


def handling(event: Event, *, group: str, system: str) -> AbstractContextManager[Span]:
    """The span, current in its body, of what a group does about an event."""
    attributes = _attributes("process", event.id, event.source, system)
    return tracing.span(
        f"process {event.type}",
        kind=SpanKind.CONSUMER,
        carrier={"traceparent": event.traceparent},
        attributes={**attributes, "messaging.consumer.group.name": group},
    )


def _attributes(operation: str, event_id: str, source: str, system: str) -> dict[str, str]:
    return {
        "messaging.system": system,
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": stream_of(source),
        "messaging.message.id": event_id,
    }

"""OpenTelemetry traces: spans per request, per operation and per store call, never per field.

A context that comes with a request or an event (W3C `traceparent`) is passed on whether anything is recorded or not.
What is recorded, and what of it leaves the process, is in `trace_export`, which is imported where tracing is on.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, StatusCode

from subgraphs.kit.settings import TracingSettings

if TYPE_CHECKING:
    from sqlalchemy import Engine

Attributes = Mapping[str, str | int]

_tracer = trace.get_tracer("supergraph")  # asks the provider that is set later
_recording = False


def configure(service: str, settings: TracingSettings) -> None:
    """Export spans to `settings.url`; without one, spans cost a no-op and nothing is imported."""
    global _recording  # noqa: PLW0603 - as the provider is of the whole process
    if not settings.url:
        return
    # Imported here because the SDK, its exporter and the instrumentations take 200 ms of start, for nothing where
    # tracing is off.
    from subgraphs.kit import trace_export  # noqa: PLC0415

    trace.set_tracer_provider(trace_export.provider(service, settings))
    trace_export.instrument_clients()
    _recording = True


def is_recording() -> bool:
    """Whether this process records spans at all."""
    return _recording


def trace_statements(engine: "Engine") -> None:
    """Record a span for each statement of an engine, by its text without parameters."""
    if _recording:
        from subgraphs.kit import trace_export  # noqa: PLC0415 - as above

        trace_export.instrument_engine(engine)


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    carrier: Mapping[str, str] | None = None,
    attributes: Attributes | None = None,
) -> Iterator[trace.Span]:
    """A span as the current one, continued from the W3C trace context in `carrier` where there is one.

    Where tracing is off, nothing is recorded, and a context that came is passed on all the same. Of an exception that
    passes, its type is recorded and never its message, which may quote what somebody entered.
    """
    token = attach(propagate.extract(carrier)) if carrier and carrier.get("traceparent") else None
    try:
        if _recording:
            with _tracer.start_as_current_span(
                name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
            ) as current:
                try:
                    yield current
                except Exception as error:
                    failed(current, type(error).__name__)
                    raise
        else:
            yield trace.INVALID_SPAN
    finally:
        if token is not None:
            detach(token)


def part_of(carrier: Mapping[str, str], name: str, *, kind: SpanKind, attributes: Attributes) -> trace.Span:
    """A span in the trace that `carrier` names, which its caller ends; the current one stays what it is."""
    if not (_recording and carrier.get("traceparent")):
        return trace.INVALID_SPAN
    return _tracer.start_span(name, context=propagate.extract(carrier), kind=kind, attributes=attributes)


def failed(current: trace.Span, error_type: str) -> None:
    """Mark the span as failed, by the error's type or status."""
    current.set_status(StatusCode.ERROR)
    current.set_attribute("error.type", error_type)


def trace_headers() -> dict[str, str]:
    """The current trace context as W3C headers; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier

"""OpenTelemetry traces: spans per request, per operation and per store call, never per field."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind

from subgraphs.kit.settings import TracingSettings

_tracer = trace.get_tracer("supergraph")  # asks the provider that is set later
_recording = False


def configure(service: str, settings: TracingSettings) -> None:
    """Export spans to `settings.url`; without one, spans cost a no-op and nothing is imported."""
    global _recording  # noqa: PLW0603 - as the provider is of the whole process
    if not settings.url:
        return
    # Imported here because the SDK and its exporter take 100 ms of start that most processes do not need.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": service}),
        sampler=ParentBasedTraceIdRatio(settings.sample_ratio),
    )
    endpoint = (
        settings.url if settings.url.endswith("/v1/traces") else f"{settings.url.rstrip('/')}/v1/traces"
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    _recording = True


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    carrier: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[trace.Span]:
    """A span as the current one, continued from the W3C trace context in `carrier` where there is one.

    Where tracing is off, nothing is recorded, and a context that came is passed on all the same.
    """
    token = attach(propagate.extract(carrier)) if carrier and "traceparent" in carrier else None
    try:
        if _recording:
            with _tracer.start_as_current_span(name, kind=kind, attributes=attributes) as current:
                yield current
        else:
            yield trace.INVALID_SPAN
    finally:
        if token is not None:
            detach(token)


def trace_headers() -> dict[str, str]:
    """The current trace context as W3C headers; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier

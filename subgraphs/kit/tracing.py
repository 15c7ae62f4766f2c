"""OpenTelemetry traces: spans per request, per operation and per store call, never per field."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind

from subgraphs.kit.settings import TracingSettings


def configure(service: str, settings: TracingSettings) -> None:
    """Export spans to `settings.url`; without one, spans cost a no-op and nothing is imported."""
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


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    carrier: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[trace.Span]:
    """A span as the current one, continued from the W3C trace context in `carrier` where given."""
    token = attach(propagate.extract(carrier)) if carrier else None
    try:
        tracer = trace.get_tracer("supergraph")
        with tracer.start_as_current_span(name, kind=kind, attributes=attributes) as current:
            yield current
    finally:
        if token is not None:
            detach(token)


def trace_headers() -> dict[str, str]:
    """The current trace context as W3C headers; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier

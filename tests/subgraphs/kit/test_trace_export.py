"""What leaves a traced process, and what it costs where nobody takes it."""

import socket
import time

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import SpanKind

from subgraphs.kit import trace_export, tracing
from subgraphs.kit.settings import TracingSettings
from subgraphs.kit.trace_export import CleanExporter, EntryPoints

PARENT = "b7ad6b7169203331"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a process exports whose own traces are all recorded."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(root=EntryPoints(1.0)))
    provider.add_span_processor(SimpleSpanProcessor(CleanExporter(exporter)))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tests"))
    monkeypatch.setattr(tracing, "_recording", True)
    return exporter


def test_a_failure_is_exported_by_its_type_and_without_its_message(exported: InMemorySpanExporter) -> None:
    attributes = {"db.query.text": "SELECT 1", "url.full": "http://x/?token=abc", "client.address": "1.2.3.4"}

    def fail() -> None:
        with tracing.span("lookup", kind=SpanKind.SERVER, attributes=attributes) as current:
            current.add_event("exception", {"exception.message": "ada@example.com"})
            raise LookupError("ada@example.com is taken")

    with pytest.raises(LookupError):
        fail()
    [span] = exported.get_finished_spans()
    assert dict(span.attributes or {}) == {"db.query.text": "SELECT 1", "error.type": "LookupError"}
    assert (span.status.status_code.name, span.status.description, span.events) == ("ERROR", None, ())


@pytest.mark.parametrize(
    ("kind", "carrier", "names"),
    [
        (SpanKind.SERVER, {}, ["it"]),
        (SpanKind.CONSUMER, {}, ["it"]),
        (SpanKind.CLIENT, {}, []),
        (SpanKind.INTERNAL, {}, []),
        (SpanKind.CLIENT, {"traceparent": f"00-{TRACE}-{PARENT}-01"}, ["it"]),
        (SpanKind.SERVER, {"traceparent": f"00-{TRACE}-{PARENT}-00"}, []),
    ],
)
def test_a_trace_begins_where_something_comes_in_and_goes_on_as_its_caller_decided(
    exported: InMemorySpanExporter, kind: SpanKind, carrier: dict[str, str], names: list[str]
) -> None:
    with tracing.span("it", kind=kind, carrier=carrier):
        passed_on = tracing.trace_headers()
    assert [span.name for span in exported.get_finished_spans()] == names
    if carrier:
        version, trace_id, _, flags = passed_on["traceparent"].split("-")
        assert (version, trace_id, flags) == ("00", TRACE, carrier["traceparent"][-2:])


def test_an_event_is_published_in_its_own_trace(exported: InMemorySpanExporter) -> None:
    attributes = {"messaging.system": "redis"}
    carrier = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    tracing.part_of(carrier, "send It", kind=SpanKind.PRODUCER, attributes=attributes).end()
    tracing.part_of({"traceparent": ""}, "send It", kind=SpanKind.PRODUCER, attributes=attributes).end()
    [span] = exported.get_finished_spans()
    assert span.parent is not None
    assert trace.format_span_id(span.parent.span_id) == PARENT


def test_a_collector_that_is_away_or_takes_nothing_keeps_nobody_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = trace_export.provider(
            "sample", TracingSettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        )
        tracer = provider.get_tracer("tests")
        started = time.perf_counter()
        for _ in range(5_000):  # more than are kept
            tracer.start_span("request", kind=SpanKind.SERVER).end()
        assert time.perf_counter() - started < 2.0
        provider.shutdown()
        assert time.perf_counter() - started < 6.0

"""What a traced process records, and what of it leaves: by OTLP over HTTP, in batches, from a thread of its own.

The instrumentations of libraries record more than anybody should read: addresses, whole URLs, messages of errors that
quote a row. So spans are exported by a list of attributes that may leave, not of those that may not.
"""

import os
import time
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.grpc import GrpcAioInstrumentorClient
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, Status, TraceState
from opentelemetry.util.types import Attributes
from sqlalchemy import Engine

from subgraphs.kit.settings import TracingSettings

_EXPORT_TIMEOUT = 2.0
_PAUSE = 10.0
"""Seconds without a try after a failed one: at its end, a process would wait for each batch that it has left."""

_ENTRIES = frozenset({SpanKind.SERVER, SpanKind.CONSUMER})

# By the semantic conventions of OpenTelemetry (1.40). `url.full` and `url.query` are not among them: tokens travel there.
_MAY_LEAVE = frozenset(
    {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "graphql.operation.name",
        "graphql.operation.type",
        "db.system.name",
        "db.namespace",
        "db.collection.name",
        "db.operation.name",
        "db.query.text",
        "messaging.system",
        "messaging.operation.type",
        "messaging.operation.name",
        "messaging.destination.name",
        "messaging.consumer.group.name",
        "messaging.message.id",
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "rpc.grpc.status_code",
        "server.address",
        "server.port",
        "error.type",
    }
)


def provider(service: str, settings: TracingSettings) -> TracerProvider:
    """A provider whose spans are sent to `settings.url`; where that does not answer, they are dropped and nobody waits."""
    made = TracerProvider(
        resource=Resource.create({"service.name": service, "service.namespace": "supergraph"}),
        sampler=ParentBased(root=EntryPoints(settings.sample_ratio)),
    )
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=_EXPORT_TIMEOUT)
    made.add_span_processor(BatchSpanProcessor(CleanExporter(exporter)))
    return made


def instrument_clients() -> None:
    """Have calls to Redis, MongoDB, gRPC and HTTP recorded, and their context passed on."""
    # The stable names of attributes; else the instrumentations use those of before.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    RedisInstrumentor().instrument()
    PymongoInstrumentor().instrument()
    GrpcAioInstrumentorClient().instrument()  # type: ignore[no-untyped-call]
    AioHttpClientInstrumentor().instrument()
    HTTPXClientInstrumentor().instrument()


def instrument_engine(engine: Engine) -> None:
    """Have the engine's statements recorded. The first engine of a process, which has one."""
    # The check holds it to the versions of SQLAlchemy before 2.1, whose events are the same.
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)


class EntryPoints(Sampler):
    """Begins a trace for a share of what comes in, and for nothing that a process does by itself.

    A relay that looks into its outbox five times a second would be most of what a collector keeps.
    """

    def __init__(self, ratio: float) -> None:
        self._by_ratio = TraceIdRatioBased(ratio)

    def should_sample(  # noqa: PLR0917 - its base's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if kind not in _ENTRIES:
            return SamplingResult(Decision.DROP)
        return self._by_ratio.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"EntryPoints{{{self._by_ratio.get_description()}}}"


class CleanExporter(SpanExporter):
    """Exports spans without what must not leave: other attributes, events, messages of errors.

    What comes within a while after a failure is dropped.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._not_before = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if time.monotonic() < self._not_before:
            return SpanExportResult.FAILURE
        result = self._exporter.export([_clean(span) for span in spans])
        if result is SpanExportResult.FAILURE:
            self._not_before = time.monotonic() + _PAUSE
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _clean(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={key: value for key, value in (span.attributes or {}).items() if key in _MAY_LEAVE},
        links=span.links,
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )

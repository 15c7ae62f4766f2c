"""Structured logs: one JSON object a line on standard output, with the ids of the request and of its trace in each."""

import io
import logging
import re
import signal
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from opentelemetry import trace

from subgraphs.kit.redaction import redacted, without_secrets
from subgraphs.kit.settings import LoggingSettings

# Loggers of libraries that say at INFO what the access log and the metrics say better.
_QUIET = ("httpx", "httpcore", "uvicorn.access", "alembic.runtime.plugins", "strawberry.execution")


# C0 but for tab and line feed, DEL, and C1, which some terminals take for escapes too.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _dumps(event: MutableMapping[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def harmless(text: str) -> str:
    """`text` with its control characters spelt out, which would otherwise command the reader's terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _neutralised(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = harmless(value).replace("\n", "\\n") if key != "stack" else harmless(value)
    return event


def _traceback(stream: TextIO, exc_info: Any) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(harmless(redacted(text.getvalue())))


def _redacted(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    traceback = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return without_secrets(event) | traceback  # which the console writes by itself


def _add_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def configure(service: str, settings: LoggingSettings, *, stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's loggers to one handler; call once per process.

    `stream` is standard output by default.
    """
    stream = stream or sys.stdout

    def add_service(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        structlog.processors.StackInfoRenderer(),
    ]
    final: list[structlog.typing.Processor] = (
        [
            structlog.processors.format_exc_info,
            _redacted,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ]
        if settings.format == "json"
        # Plain, because the default shows local variables: passwords and tokens, at seconds per traceback.
        else [
            _redacted,
            _neutralised,
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_traceback),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def follow_signals(settings: LoggingSettings) -> None:
    """From now on SIGUSR1 makes this process log everything, and SIGUSR2 what the settings say again.

    To be called in the main thread.
    """
    root = logging.getLogger()
    signal.signal(signal.SIGUSR1, lambda *_: root.setLevel(logging.DEBUG))
    signal.signal(signal.SIGUSR2, lambda *_: root.setLevel(settings.level.upper()))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module; events are short noun phrases, details are keyword arguments."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger

"""One request seen whole: id, span, metrics, log line, body limit."""

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

import orjson
import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import Span, SpanKind
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from subgraphs.kit.http.responses import error_body, json_response
from subgraphs.kit.ids import new_id
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import HTTP_DURATION, HTTP_REQUESTS
from subgraphs.kit.tracing import failed, span

log = get_logger(__name__)

FASTAPI_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own spans, metrics and logs of requests are off: `Observe` makes them, for `/graphql` too, which FastAPI does not see."""

_QUIET_PATHS = frozenset({"/health", "/ready", "/metrics"})
_MAX_REQUEST_ID = 128


class Observe:
    """One request seen whole: id, span, metrics, and an answer for what escaped.

    The edge logs each request. Here one is logged that took `slow` seconds or more, or that failed.
    """

    def __init__(self, app: ASGIApp, *, slow: float) -> None:
        self._app = app
        self._slow = slow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")[:_MAX_REQUEST_ID]
        # It goes on into logs and into the metadata of gRPC calls, which take ASCII only.
        if not request_id.isascii() or not request_id.isprintable() or not request_id:
            request_id = new_id()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        exchange = _Exchange(send, request_id)
        if scope["path"] in _QUIET_PATHS:
            await self._exchange(scope, receive, exchange)
            return
        method = scope["method"]
        with span(
            method, kind=SpanKind.SERVER, carrier=headers, attributes={"http.request.method": method}
        ) as current:
            await self._exchange(scope, receive, exchange)
            if current.is_recording():
                _describe(current, scope, exchange.status)

    async def _exchange(self, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        started = time.perf_counter()
        try:
            await self._app(scope, receive, exchange.send)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            await exchange.fail()
        self._record(scope, exchange.status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        endpoint = _endpoint(scope)
        _requests(scope["method"], endpoint, status).inc()
        _duration(scope["method"], endpoint).observe(seconds)
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if (seconds >= self._slow or failed) and scope["path"] not in _QUIET_PATHS:
            operation = scope.get("graphql_operation")
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 2),
                **({"operation": operation} if operation else {}),
            )


def _endpoint(scope: Scope) -> str:
    """The route's template, never the raw path: labels and names with ids in them would grow without bound."""
    route = scope.get("route")
    return getattr(route, "path", None) or ("/graphql" if scope["path"] == "/graphql" else "other")


def _describe(current: Span, scope: Scope, status: int) -> None:
    endpoint = _endpoint(scope)
    current.update_name(f"{scope['method']} {endpoint}")
    current.set_attributes({"http.route": endpoint, "http.response.status_code": status})
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        failed(current, str(status))


# To find a child by its labels costs more than to count.
@lru_cache(maxsize=512)
def _requests(method: str, endpoint: str, status: int) -> Counter:
    return HTTP_REQUESTS.labels(method, endpoint, str(status))


@lru_cache(maxsize=256)
def _duration(method: str, endpoint: str) -> Histogram:
    return HTTP_DURATION.labels(method, endpoint)


class _Exchange:
    """Watches what is sent: adds the request id, remembers the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._started = False
        self.status = HTTPStatus.INTERNAL_SERVER_ERROR.value

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            MutableHeaders(scope=message)["x-request-id"] = self._request_id
        await self._send(message)

    async def fail(self) -> None:
        if self._started:
            return
        body = orjson.dumps(error_body("INTERNAL", "Something went wrong on our side; try again later."))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class UploadLimit:
    """How large a form (multipart/form-data) may be that is sent to a path that matches `path` as a whole."""

    path: re.Pattern[str]
    max_bytes: int

    def applies_to(self, scope: Scope) -> bool:
        declared = Headers(scope=scope).get("content-type", "").lower()
        return declared.startswith("multipart/form-data") and self.path.fullmatch(scope["path"]) is not None


class LimitBody:
    """Refuses a request body above its limit with 413, by its declared length or as it arrives.

    The limit is `max_bytes`, but where `uploads` says otherwise.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, uploads: UploadLimit | None = None) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            await _refuse(limit, scope, receive, send)
            return
        seen = 0
        started = False

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _BodyTooLargeError
            return message

        async def guarded(message: Message) -> None:
            # What the application makes of our exception is not the answer.
            nonlocal started
            if started or seen <= limit:
                started = True
                await send(message)

        try:
            await self._app(scope, limited, guarded)
        except Exception:
            if started or seen <= limit:
                raise
        if not started and seen > limit:
            await _refuse(limit, scope, receive, send)

    def _limit(self, scope: Scope) -> int:
        if self._uploads is not None and self._uploads.applies_to(scope):
            return self._uploads.max_bytes
        return self._max_bytes


async def _refuse(limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    body = error_body("PAYLOAD_TOO_LARGE", f"The body may hold at most {limit} bytes.")
    await json_response(body, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, send)


class _BodyTooLargeError(Exception):
    pass

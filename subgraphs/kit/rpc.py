"""gRPC between services: a shared token, a deadline on every call, health, reflection, trace context."""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc.aio import ClientCallDetails, Metadata
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from opentelemetry.trace import SpanKind

from subgraphs.kit.errors import (
    Conflict,
    DomainError,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage, register
from subgraphs.kit.tracing import span, trace_headers

log = get_logger(__name__)

_Handler = Any  # grpc.RpcMethodHandler, whose stub is generic where the class is not

DEADLINE = 3.0
_OPEN_SERVICES = ("/grpc.health.", "/grpc.reflection.")

STATUS: dict[type[DomainError], grpc.StatusCode] = {
    ValidationFailed: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}

# Only a call that never reached the server is sent again, and every contract in schema/proto is keyed
# so that a second delivery changes nothing.
_SERVICE_CONFIG = """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3,
"initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 3,
"retryableStatusCodes": ["UNAVAILABLE"]}}]}"""


class _Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # not generic at run time
    """Refuses callers without the token; turns domain errors into statuses; opens a span."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_OPEN_SERVICES):
            return handler
        metadata = {k: v for k, v in handler_call_details.invocation_metadata or () if isinstance(v, str)}
        given = metadata.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            return grpc.unary_unary_rpc_method_handler(_refuse)
        return self._guarded(handler, method, metadata)

    def _guarded(self, handler: Any, method: str, metadata: dict[str, str]) -> _Handler:
        async def call(request: Any, context: Any) -> Any:
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(request_id=metadata.get("x-request-id", ""))
            with span(method, kind=SpanKind.SERVER, carrier=metadata):
                try:
                    return await handler.unary_unary(request, context)
                except DomainError as error:
                    status = next(
                        (s for t, s in STATUS.items() if isinstance(error, t)), grpc.StatusCode.INTERNAL
                    )
                    await context.abort(status, error.message)
                except grpc.aio.AbortError:
                    raise
                except Exception as error:
                    if is_outage(error):
                        log.warning("dependency_unavailable", method=method, error=repr(error))
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "a store cannot be reached")
                    log.exception("rpc_failed", method=method)
                    await context.abort(grpc.StatusCode.INTERNAL, "internal error")

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


async def _refuse(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a service token is needed")


async def start_server(
    *, address: str, token: str, services: Sequence[str], register: Callable[[grpc.aio.Server], None]
) -> grpc.aio.Server:
    """Serve `services` (full names) on `address`. `register` adds the servicers.

    Raises ValueError for an empty token: an open back door is a configuration fault, and OSError when
    the port is taken.
    """
    if not token:
        raise ValueError("the token of calls between services is empty; set …_SERVICES_TOKEN")
    server = grpc.aio.server(interceptors=[_Guard(token)], options=[("grpc.so_reuseport", 0)])
    register(server)
    checks = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = [*services, health.SERVICE_NAME, reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot serve gRPC on {address}: {error}") from error
    await server.start()
    for name in ("", *services):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server


class _Outgoing(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg] # not generic at run time
    """Adds the token, the request id, the trace context, and a deadline where the call has none."""

    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}"

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: ClientCallDetails, request: Any
    ) -> Any:
        metadata = Metadata(*(client_call_details.metadata or ()))
        metadata.add("authorization", self._authorization)
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            metadata.add("x-request-id", str(request_id))
        for key, value in trace_headers().items():
            metadata.add(key, value)
        details = ClientCallDetails(
            method=client_call_details.method,
            timeout=client_call_details.timeout or DEADLINE,
            metadata=metadata,
            credentials=client_call_details.credentials,
            wait_for_ready=client_call_details.wait_for_ready,
        )
        return await continuation(details, request)


def create_channel(target: str, *, token: str) -> grpc.aio.Channel:
    """A channel to another service. It connects when first used and reconnects by itself."""
    return grpc.aio.insecure_channel(
        target,
        interceptors=[_Outgoing(token)],  # type: ignore[list-item] # the stub names a partial protocol
        options=[
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.enable_retries", 1),
            # The default back-off of up to 120 s would keep a service "down" long after it is back.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ],
    )


def _is_outage(error: BaseException) -> bool:
    if not isinstance(error, grpc.RpcError):
        return False
    return error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


register(_is_outage)

"""Serving calls of other services."""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog
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
    StartError,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from subgraphs.kit.grpc.credentials import server_credentials
from subgraphs.kit.logs import get_logger
from subgraphs.kit.outages import is_outage
from subgraphs.kit.settings import ServiceSettings
from subgraphs.kit.tracing import span

log = get_logger(__name__)

_Handler = Any  # grpc.RpcMethodHandler, whose stub is generic where the class is not

_OPEN_SERVICES = ("/grpc.health.", "/grpc.reflection.")

# By which a server tells a client to leave its answer at that (gRFC A6, server pushback).
_NOT_AGAIN = (("grpc-retry-pushback-ms", "-1"),)

_GRACE = 2.0

STATUS: dict[type[DomainError], grpc.StatusCode] = {
    ValidationFailed: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}


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
        service, _, name = method.lstrip("/").partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}

        async def call(request: Any, context: Any) -> Any:
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(request_id=metadata.get("x-request-id", ""))
            with span(method.lstrip("/"), kind=SpanKind.SERVER, carrier=metadata, attributes=attributes):
                try:
                    return await handler.unary_unary(request, context)
                except DomainError as error:
                    status = next(
                        (s for t, s in STATUS.items() if isinstance(error, t)), grpc.StatusCode.INTERNAL
                    )
                    await context.abort(status, error.message, trailing_metadata=_NOT_AGAIN)
                except grpc.aio.AbortError:
                    raise
                except Exception as error:
                    if is_outage(error):
                        log.warning("dependency_unavailable", method=method, error=repr(error))
                        await context.abort(
                            grpc.StatusCode.UNAVAILABLE,
                            "a store cannot be reached",
                            trailing_metadata=_NOT_AGAIN,
                        )
                    log.exception("rpc_failed", method=method)
                    await context.abort(grpc.StatusCode.INTERNAL, "internal error")

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


async def _refuse(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a service token is needed")


@asynccontextmanager
async def serving(
    settings: ServiceSettings, *, services: Sequence[str], register: Callable[[grpc.aio.Server], None]
) -> AsyncIterator[None]:
    """Serve `services` beside the body, where the settings name a port for gRPC. Raises StartError."""
    port = settings.server.grpc_port
    if port is None:
        yield
        return
    host = settings.server.host
    server = await start_server(
        address=f"{host}:{port}",
        token=settings.services.token.get_secret_value(),
        services=services,
        register=register,
        credentials=server_credentials(settings.services, host),
        reflect=settings.server.grpc_reflection,
    )
    try:
        yield
    finally:
        await server.stop(_GRACE)


async def start_server(
    *,
    address: str,
    token: str,
    services: Sequence[str],
    register: Callable[[grpc.aio.Server], None],
    credentials: grpc.ServerCredentials | None = None,
    reflect: bool = False,
) -> grpc.aio.Server:
    """Serve `services` (full names) on `address`, in plain text without `credentials`. `register` adds the servicers.

    Raises StartError for an empty token, since an open back door is a configuration fault, and when the port is
    taken.
    """
    if not token:
        raise StartError("the token of calls between services is empty; set …_SERVICES_TOKEN")
    server = grpc.aio.server(interceptors=[_Guard(token)], options=[("grpc.so_reuseport", 0)])
    register(server)
    checks = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    if reflect:
        names = [*services, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
    try:
        if credentials is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise StartError(f"cannot serve gRPC on {address}: {error}") from error
    await server.start()
    for name in ("", *services):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server

"""Calls to other services."""

from collections.abc import Callable
from typing import Any

import grpc
import structlog
from grpc.aio import ClientCallDetails, Metadata

from subgraphs.kit.grpc.credentials import channel_credentials
from subgraphs.kit.outages import register
from subgraphs.kit.settings import ServicesSettings
from subgraphs.kit.tracing import trace_headers

DEADLINE = 3.0

# Sent again is what got no answer, as when the connection was lost or none could be made; every contract in
# schema/proto is keyed so that a second delivery changes nothing. An UNAVAILABLE that the server itself answers comes
# with a refusal of retries (server.py). While most calls fail, none is repeated: a retry never doubles the load of a
# service that is down (gRFC A6, retry throttling).
_SERVICE_CONFIG = """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3,
"initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 3,
"retryableStatusCodes": ["UNAVAILABLE"]}}], "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}}"""


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
            metadata[key] = value  # the instrumentation has set the same
        details = ClientCallDetails(
            method=client_call_details.method,
            timeout=client_call_details.timeout or DEADLINE,
            metadata=metadata,
            credentials=client_call_details.credentials,
            wait_for_ready=client_call_details.wait_for_ready,
        )
        return await continuation(details, request)


def create_channel(
    target: str, *, token: str, credentials: grpc.ChannelCredentials | None = None
) -> grpc.aio.Channel:
    """A channel to another service, in plain text without `credentials`.

    It connects when first used and reconnects by itself.
    """
    interceptors: Any = [_Outgoing(token)]  # the stub names a partial protocol
    options = [
        ("grpc.service_config", _SERVICE_CONFIG),
        ("grpc.enable_retries", 1),
        # The default back-off of up to 120 s would keep a service "down" long after it is back.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(target, interceptors=interceptors, options=options)
    return grpc.aio.secure_channel(target, credentials, interceptors=interceptors, options=options)


def open_channel(target: str, settings: ServicesSettings) -> grpc.aio.Channel:
    """A channel to another service as the settings want it. Raises StartError (`credentials.py`)."""
    credentials = channel_credentials(settings, target)
    return create_channel(target, token=settings.token.get_secret_value(), credentials=credentials)


def _is_outage(error: BaseException) -> bool:
    if not isinstance(error, grpc.RpcError):
        return False
    return error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


register(_is_outage)

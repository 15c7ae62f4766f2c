"""Calls to other services."""

from collections.abc import Callable
from typing import Any

import grpc
import structlog
from grpc.aio import ClientCallDetails, Metadata

from subgraphs.kit.outages import register
from subgraphs.kit.tracing import trace_headers

DEADLINE = 3.0

# Only a call that never reached the server is sent again, and every contract in schema/proto is keyed
# so that a second delivery changes nothing.
_SERVICE_CONFIG = """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3,
"initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 3,
"retryableStatusCodes": ["UNAVAILABLE"]}}]}"""


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

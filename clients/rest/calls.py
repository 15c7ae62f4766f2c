"""What a route needs: a `Call` sends operations to the router in the name of the request's client."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from clients.rest import errors
from clients.rest.gateway import Gateway, Subscription
from subgraphs.kit.http.responses import current_request_id
from subgraphs.kit.tracing import trace_headers

# What the client sent and the subgraphs want to know; the rest of its headers end here.
_PASSED = ("authorization", "user-agent", "x-forwarded-for", "traceparent", "tracestate")

BEARER = "bearer"
OPTIONAL_BEARER = "optional_bearer"
"""Only a mark for the OpenAPI document, which says "either without or with a token" in its own way."""

_bearer = HTTPBearer(
    scheme_name=BEARER, auto_error=False, description="The `token` of a login, a registration or a refresh."
)
_optional_bearer = HTTPBearer(scheme_name=OPTIONAL_BEARER, auto_error=False)


class Call:
    """The operations of one request."""

    def __init__(self, gateway: Gateway, headers: Mapping[str, str]) -> None:
        self._gateway = gateway
        self._headers = headers

    async def data(self, operation: str, **variables: Any) -> dict[str, Any]:
        """All root fields of an operation. Raises ApiError."""
        return await self._gateway.run(operation, _sent(variables), self._headers)

    async def read(self, operation: str, **variables: Any) -> Any:
        """The one root field of a query; None where there is nothing to see."""
        (node,) = (await self.data(operation, **variables)).values()
        return node

    async def change(self, operation: str, **variables: Any) -> dict[str, Any]:
        """The success of a mutation. Raises ApiError for the error that its union holds instead."""
        (node,) = (await self.data(operation, **variables)).values()
        if not node["__typename"].endswith("Success"):
            raise errors.from_problem(node)
        return dict(node)

    async def subscribe(self, operation: str, **variables: Any) -> Subscription:
        return await self._gateway.subscribe(operation, _sent(variables), self._headers)


def _sent(variables: Mapping[str, Any]) -> dict[str, Any]:
    # An absent argument takes the schema's default; an explicit null would not. Null inside an input stays.
    return {name: value for name, value in variables.items() if value is not None}


def _call(request: Request) -> Call:
    headers = {name: value for name in _PASSED if (value := request.headers.get(name)) is not None}
    if request.client is not None:
        # Without an edge in front, the peer is the client.
        headers.setdefault("x-forwarded-for", request.client.host)
    headers["x-request-id"] = current_request_id()
    return Call(request.app.state.gateway, headers | trace_headers())


def _signed_in(
    call: Annotated[Call, Depends(_call)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Call:
    if credentials is None:
        # Whether the token is any good is for the subgraphs to say; that there is none can be said here.
        raise errors.named("UNAUTHENTICATED", "Log in and send the token as `Authorization: Bearer …`.")
    return call


def _maybe_signed_in(
    call: Annotated[Call, Depends(_call)],
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_optional_bearer)],
) -> Call:
    return call


Anonymous = Annotated[Call, Depends(_call)]
"""For endpoints that need no token; one that is sent is passed on all the same."""
Anyone = Annotated[Call, Depends(_maybe_signed_in)]
"""For endpoints that show more to who is signed in."""
SignedIn = Annotated[Call, Depends(_signed_in)]
"""For endpoints that need a token; 401 without one."""

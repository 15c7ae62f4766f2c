"""What routes depend on: a `RouterSession`, which sends operations with the headers of the client's request."""

from collections.abc import Mapping
from typing import Annotated, Any, BinaryIO

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from clients.rest import errors
from clients.rest.router_client import RouterClient
from clients.rest.subscription import Subscription
from subgraphs.kit.http import client_address
from subgraphs.kit.http.responses import current_request_id
from subgraphs.kit.tracing import trace_headers

# No other header of a client reaches the router.
_FORWARDED = ("authorization", "user-agent", "traceparent", "tracestate")

BEARER = "bearer"
OPTIONAL_BEARER = "optional_bearer"
"""Marks optional authentication for `openapi`, which writes it as OpenAPI does: either no token or one."""

_bearer = HTTPBearer(
    scheme_name=BEARER, auto_error=False, description="The `token` of a login, a registration or a refresh."
)
_optional_bearer = HTTPBearer(scheme_name=OPTIONAL_BEARER, auto_error=False)


class RouterSession:
    """The router client, bound to the headers of one request."""

    def __init__(self, client: RouterClient, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def execute(self, operation: str, **variables: Any) -> dict[str, Any]:
        """All root fields of an operation. Raises ApiError."""
        return await self._client.execute(operation, _present(variables), self._headers)

    async def query(self, operation: str, **variables: Any) -> Any:
        """The value of a query's only root field; None for null. Raises ApiError."""
        (value,) = (await self.execute(operation, **variables)).values()
        return value

    async def mutate(self, operation: str, **variables: Any) -> dict[str, Any]:
        """The success type of a mutation's result union. Raises ApiError for its error types too."""
        return _success(await self.execute(operation, **variables))

    async def upload(self, operation: str, files: Mapping[str, BinaryIO], **variables: Any) -> dict[str, Any]:
        """As `mutate`; each of `files` is the value of the variable of its name."""
        answer = await self._client.upload(operation, _present(variables), self._headers, files=files)
        return _success(answer)

    async def subscribe(self, operation: str, **variables: Any) -> Subscription:
        """An open subscription; the caller closes it. Raises ApiError when it is refused."""
        return await self._client.subscribe(operation, _present(variables), self._headers)


def _success(answer: Mapping[str, Any]) -> dict[str, Any]:
    (result,) = answer.values()
    if not result["__typename"].endswith("Success"):
        raise errors.from_error_type(result)
    return dict(result)


def _present(variables: Mapping[str, Any]) -> dict[str, Any]:
    # An absent argument takes the schema's default; an explicit null would not. Null inside an input stays.
    return {name: value for name, value in variables.items() if value is not None}


def _session(request: Request) -> RouterSession:
    headers = {name: value for name in _FORWARDED if (value := request.headers.get(name)) is not None}
    headers[client_address.HEADER] = client_address.client_address(request.scope, request.headers)
    headers["x-request-id"] = current_request_id()
    return RouterSession(request.app.state.router_client, headers | trace_headers())


def _authenticated(
    session: Annotated[RouterSession, Depends(_session)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> RouterSession:
    if credentials is None:
        # A missing token is refused here; whether one is valid, the subgraphs decide.
        raise errors.named("UNAUTHENTICATED", "Log in and send the token as `Authorization: Bearer …`.")
    return session


def _optionally_authenticated(
    session: Annotated[RouterSession, Depends(_session)],
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_optional_bearer)],
) -> RouterSession:
    return session


Anonymous = Annotated[RouterSession, Depends(_session)]
"""For endpoints that need no token; one that is sent is forwarded all the same."""
OptionallyAuthenticated = Annotated[RouterSession, Depends(_optionally_authenticated)]
"""For endpoints that show more to an authenticated client."""
Authenticated = Annotated[RouterSession, Depends(_authenticated)]
"""For endpoints that need a token; 401 without one."""

"""What a resolver may know of its request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Unauthenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """Who asks, from where, and under which id; `verifier` tells whether the viewer's token still holds."""

    viewer: Viewer
    request_id: str
    client_address: str
    user_agent: str
    verifier: TokenVerifier | None = None


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """The context of one operation; a slice adds its services and loaders, which no two operations share."""

    request: RequestInfo

    @property
    def viewer(self) -> Viewer:
        return self.request.viewer

    @property
    def request_id(self) -> str:
        return self.request.request_id

    @property
    def client_address(self) -> str:
        return self.request.client_address

    @property
    def user_agent(self) -> str:
        return self.request.user_agent

    async def check_viewer(self) -> None:
        """Raises Unauthenticated when the viewer's token or session has ended since the request began."""
        if self.request.verifier is not None:
            await self.request.verifier.check(self.request.viewer)


ContextFactory = Callable[[RequestInfo], RequestContext]
"""Makes the whole context of one operation; of a WebSocket, each operation gets one of its own."""


class Connection:
    """A WebSocket, from which each of its operations gets a context.

    `connection_params` is the payload of `connection_init`, which Strawberry writes here when it comes.
    """

    def __init__(self, opening: RequestInfo, verifier: TokenVerifier, make_context: ContextFactory) -> None:
        self._request = opening
        self._verifier = verifier
        self._make_context = make_context
        self.connection_params: dict[str, Any] | None = None

    async def authenticate(self) -> None:
        """Take the viewer from the connection parameters. Raises Unauthenticated, or Unavailable."""
        params = {name.lower(): value for name, value in (self.connection_params or {}).items()}
        authorization = params.get("authorization")
        viewer = await self._verifier.from_header(authorization if isinstance(authorization, str) else None)
        self._request = replace(self._request, viewer=viewer)

    async def operation_context(self) -> RequestContext:
        """The context of the next operation: of nobody, when the viewer's token or session has ended."""
        try:
            await self._verifier.check(self._request.viewer)
        except Unauthenticated:
            return self._make_context(replace(self._request, viewer=ANONYMOUS))
        return self._make_context(self._request)

"""What a resolver may know of its request."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.kit.errors import Unauthenticated


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """What a resolver may know of its request; a slice adds its service and loaders."""

    viewer: Viewer
    request_id: str
    client_address: str
    user_agent: str
    connection_params: dict[str, Any] | None = None
    verifier: TokenVerifier | None = None

    def shared(self) -> dict[str, Any]:
        """What every slice's context has, by name; for making one of them from the request's."""
        return {field.name: getattr(self, field.name) for field in fields(RequestContext)}

    def for_operation(self) -> Self:
        """The context of one operation of a WebSocket, whose operations share what was made for its opening.

        A slice with loaders makes new ones: what one operation has loaded is old news to the next.
        """
        return replace(self)

    async def check_viewer(self) -> None:
        """Raises Unauthenticated when the viewer's token or session has ended since the request began."""
        if self.verifier is not None:
            await self.verifier.check(self.viewer)

    async def forget_ended_viewer(self) -> None:
        """Make the viewer nobody when its token or session has ended."""
        try:
            await self.check_viewer()
        except Unauthenticated:
            self.viewer = ANONYMOUS


ContextFactory = Callable[[RequestContext], RequestContext]

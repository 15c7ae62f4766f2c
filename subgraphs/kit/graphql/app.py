"""The ASGI application of a subgraph: GraphQL over HTTP and WebSocket, with a viewer in the context."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import orjson
from cross_web import HTTPException
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UnsetType

from subgraphs.kit.auth import ANONYMOUS, TokenVerifier, Viewer
from subgraphs.kit.errors import DomainError, Unauthenticated
from subgraphs.kit.graphql.errors import present_all
from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.kit.http import (
    Check,
    LimitBody,
    Observe,
    add_operational_routes,
    client_address,
    current_request_id,
    json_response,
)
from subgraphs.kit.settings import ServerSettings


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


class _View(GraphQL[RequestContext, None]):
    """Strawberry's ASGI view with our context and orjson.

    A request with a bad token is answered 401 before anything is parsed. Over WebSocket the token comes
    with `connection_init`, and a bad one closes the socket with 4403.
    """

    def __init__(self, schema: SubgraphSchema, verifier: TokenVerifier, make_context: ContextFactory) -> None:
        # No origin check: a browser's request carries no ambient credential here, only a token that
        # its own script must have put there, and CORS is the edge's business.
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            allowed_origins=["*"],
        )
        self._verifier = verifier
        self._make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await (await self._answer(scope, receive))(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            scope["viewer"] = await self._verifier.from_header(Headers(scope=scope).get("authorization"))
            return await self.run(Request(scope, receive))
        except DomainError as error:
            return _refusal(error.code, error.message, error.http_status)
        except HTTPException as error:  # what is not GraphQL over HTTP at all
            return _refusal("BAD_REQUEST", error.reason, error.status_code)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> RequestContext:
        headers = request.headers
        context = self._make_context(
            RequestContext(
                viewer=request.scope.get("viewer", ANONYMOUS),
                request_id=current_request_id(),
                client_address=client_address(request.scope, headers),
                user_agent=headers.get("user-agent", "")[:400],
            )
        )
        context.verifier = self._verifier
        return context

    async def on_ws_connect(self, context: RequestContext) -> UnsetType | dict[str, object] | None:
        params = {k.lower(): v for k, v in (context.connection_params or {}).items()}
        authorization = params.get("authorization")
        try:
            context.viewer = await self._verifier.from_header(
                authorization if isinstance(authorization, str) else None
            )
        except DomainError as error:
            raise ConnectionRejectionError({"code": error.code, "message": error.message}) from error
        return UnsetType()

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        present_all(result)  # a syntax error never reaches the extensions
        return await super().process_result(request, result)

    def encode_json(self, data: object) -> str:
        # Text, since bytes would leave as binary WebSocket frames, which graphql-transport-ws does not know.
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)


def _refusal(code: str, message: str, status: int) -> Response:
    error = {"message": message, "extensions": {"code": code, "requestId": current_request_id()}}
    return json_response({"data": None, "errors": [error]}, status)


def create_app(
    *,
    service: str,
    settings: ServerSettings,
    schema: SubgraphSchema,
    verifier: TokenVerifier,
    make_context: ContextFactory,
    checks: dict[str, Check],
    add_routes: Callable[[FastAPI], None] | None = None,
) -> ASGIApp:
    """The whole HTTP surface of a subgraph: `/graphql`, `/health`, `/ready`, `/metrics` and its own routes."""
    app = FastAPI(title=service, docs_url=None, redoc_url=None, openapi_url=None)
    view = _View(schema, verifier, make_context)
    app.router.routes.append(Route("/graphql", view, methods=["POST"]))
    app.router.routes.append(WebSocketRoute("/graphql", view))
    add_operational_routes(app, checks)
    if add_routes is not None:
        add_routes(app)
    # Inside of FastAPI, which would answer an exception in plain text before it came to us.
    app.add_middleware(LimitBody, max_bytes=settings.max_body_bytes)
    app.add_middleware(Observe, service=service)
    return app

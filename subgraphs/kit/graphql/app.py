"""The ASGI application of a subgraph: GraphQL over HTTP and WebSocket, with a viewer in the context."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketClose
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UnsetType

from subgraphs.kit.auth.router_secret import RouterSecret
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import DomainError
from subgraphs.kit.graphql.context import Connection, ContextFactory, RequestContext, RequestInfo
from subgraphs.kit.graphql.errors import present_all
from subgraphs.kit.graphql.limits import Limits
from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.kit.graphql.uploads import (
    UploadRequestAdapter,
    check_preflight,
    parse_multipart,
    upload_limit,
)
from subgraphs.kit.http.client_address import client_address
from subgraphs.kit.http.deadlines import Deadlines
from subgraphs.kit.http.middleware import LimitBody, Observe
from subgraphs.kit.http.operations import Check, add_operational_routes
from subgraphs.kit.http.responses import current_request_id, json_response
from subgraphs.kit.logs import get_logger
from subgraphs.kit.settings import ServerSettings

log = get_logger(__name__)

_MAX_USER_AGENT = 400


class _View(GraphQL[RequestContext | Connection, None]):
    """Strawberry's ASGI view with our context and orjson.

    A request with a bad token is answered 401 before anything is parsed. Over WebSocket the token comes
    with `connection_init`, and a bad one closes the socket with 4403.
    """

    request_adapter_class = UploadRequestAdapter

    def __init__(
        self,
        schema: SubgraphSchema,
        verifier: TokenVerifier,
        make_context: ContextFactory,
        *,
        router_secret: RouterSecret,
        max_subscriptions: int,
        uploads: bool,
    ) -> None:
        # No origin check: a browser's request carries no ambient credential here, only a token that
        # its own script must have put there, and CORS is the edge's business.
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            allowed_origins=["*"],
            max_subscriptions_per_connection=max_subscriptions,
            multipart_uploads_enabled=uploads,
        )
        self._verifier = verifier
        self._make_context = make_context
        self._router_secret = router_secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._router_secret.admits(Headers(scope=scope)):
            log.warning("not_the_router", client=client_address(scope, Headers()))
            # To a WebSocket that was not accepted, a close is a 403 as well.
            message = "GraphQL is answered to the router alone."
            http = scope["type"] == "http"
            refused: ASGIApp = (
                _refusal("FORBIDDEN", message, HTTPStatus.FORBIDDEN) if http else WebSocketClose()
            )
            await refused(scope, receive, send)
        elif scope["type"] == "http":
            await (await self._answer(scope, receive))(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        request = Request(scope, receive)
        try:
            check_preflight(request.headers)
            scope["viewer"] = await self._verifier.from_header(request.headers.get("authorization"))
            return await self.run(request)
        except DomainError as error:
            return _refusal(error.code, error.message, error.http_status)
        except HTTPException as error:  # what is not GraphQL over HTTP at all
            return _refusal("BAD_REQUEST", error.reason, error.status_code)
        finally:
            await request.close()  # the files of a form

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> dict[str, Any]:
        return await parse_multipart(request, self.parse_json)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> RequestContext | Connection:
        info = RequestInfo(
            viewer=request.scope.get("viewer", ANONYMOUS),
            request_id=current_request_id(),
            client_address=client_address(request.scope, request.headers),
            user_agent=request.headers.get("user-agent", "")[:_MAX_USER_AGENT],
            verifier=self._verifier,
        )
        if isinstance(request, WebSocket):
            return Connection(info, self._verifier, self._make_context)
        return self._make_context(info)

    async def on_ws_connect(
        self, context: RequestContext | Connection
    ) -> UnsetType | dict[str, object] | None:
        assert isinstance(context, Connection)  # noqa: S101 - made above for every WebSocket
        try:
            await context.authenticate()
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
    max_file_bytes: int | None = None,
) -> ASGIApp:
    """The whole HTTP surface of a subgraph: `/graphql`, `/health`, `/ready`, `/metrics` and its own routes.

    Raises StartError where GraphQL would be open to other machines.

    Files of up to `max_file_bytes` may be uploaded; where that is None, none.
    """
    app = FastAPI(title=service, docs_url=None, redoc_url=None, openapi_url=None)
    limited = schema.limited(Limits.of(settings))
    view = _View(
        limited,
        verifier,
        make_context,
        router_secret=RouterSecret.of(settings),
        max_subscriptions=settings.max_subscriptions,
        uploads=max_file_bytes is not None,
    )
    app.router.routes.append(Route("/graphql", view, methods=["POST"]))
    app.router.routes.append(WebSocketRoute("/graphql", view))
    add_operational_routes(app, checks)
    if add_routes is not None:
        add_routes(app)
    # Inside of FastAPI, which would answer an exception in plain text before it came to us.
    uploads = None if max_file_bytes is None else upload_limit(max_file_bytes)
    app.add_middleware(LimitBody, max_bytes=settings.max_body_bytes, uploads=uploads)
    app.add_middleware(
        Deadlines, read=settings.read_timeout.total_seconds(), write=settings.write_timeout.total_seconds()
    )
    app.add_middleware(Observe, service=service)
    return app

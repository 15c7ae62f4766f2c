"""The HTTP surface of a subgraph: `/graphql`, and around it what FastAPI serves."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from subgraphs.kit.auth.router_secret import RouterSecret
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.graphql.context import ContextFactory
from subgraphs.kit.graphql.limits import Limits
from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.kit.graphql.uploads import upload_limit
from subgraphs.kit.graphql.view import GraphQLView, refusal
from subgraphs.kit.http.client_address import client_address
from subgraphs.kit.http.deadlines import Deadlines
from subgraphs.kit.http.middleware import FASTAPI_TELEMETRY, LimitBody, Observe
from subgraphs.kit.http.operations import Check, add_operational_routes
from subgraphs.kit.logs import get_logger
from subgraphs.kit.settings import ServerSettings

log = get_logger(__name__)

GRAPHQL_PATH = "/graphql"


class _Dispatch:
    """Sends `/graphql` to its view at once; to find a route and to enter its scopes costs more than a small query."""

    def __init__(self, graphql: ASGIApp, others: ASGIApp) -> None:
        self._graphql = graphql
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._graphql if scope.get("path") == GRAPHQL_PATH else self._others
        await app(scope, receive, send)


class _PostOnly:
    """Refuses other methods than POST with 405; WebSockets pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["method"] != "POST":
            app = refusal("METHOD_NOT_ALLOWED", "GraphQL is asked by POST.", HTTPStatus.METHOD_NOT_ALLOWED)
            app.headers["allow"] = "POST"
        await app(scope, receive, send)


class _RouterOnly:
    """Refuses who does not show the router's secret with 403, by HTTP and WebSocket."""

    def __init__(self, app: ASGIApp, secret: RouterSecret) -> None:
        self._app = app
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if not self._secret.admits(Headers(scope=scope)):
            log.warning("not_the_router", client=client_address(scope, Headers()))
            if scope["type"] == "http":
                message = "GraphQL is answered to the router alone."
                app = refusal("FORBIDDEN", message, HTTPStatus.FORBIDDEN)
            else:
                app = WebSocketClose()  # one that was not accepted is answered with 403
        await app(scope, receive, send)


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

    Files of up to `max_file_bytes` may be uploaded; where that is None, none. Raises StartError where GraphQL would be
    open to other machines.
    """
    app = FastAPI(title=service, docs_url=None, redoc_url=None, openapi_url=None, telemetry=FASTAPI_TELEMETRY)
    add_operational_routes(app, checks)
    if add_routes is not None:
        add_routes(app)
    view = GraphQLView(
        schema.limited(Limits.of(settings)),
        verifier,
        make_context,
        max_subscriptions=settings.max_subscriptions,
        uploads=max_file_bytes is not None,
    )
    uploads = None if max_file_bytes is None else upload_limit(max_file_bytes)

    def guarded(inner: ASGIApp) -> ASGIApp:
        limited = LimitBody(inner, max_bytes=settings.max_body_bytes, uploads=uploads)
        read, write = settings.read_timeout.total_seconds(), settings.write_timeout.total_seconds()
        return Observe(Deadlines(limited, read=read, write=write), slow=settings.slow_request.total_seconds())

    # Inside of FastAPI, which would answer an exception in plain text before it came to us.
    app.add_middleware(guarded)
    return _Dispatch(guarded(_RouterOnly(_PostOnly(view), RouterSecret.of(settings))), app)

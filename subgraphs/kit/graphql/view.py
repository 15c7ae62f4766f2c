"""GraphQL over HTTP and WebSocket, with a viewer in the context."""

from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, process_result
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UnsetType

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import DomainError
from subgraphs.kit.graphql.context import Connection, ContextFactory, RequestContext, RequestInfo
from subgraphs.kit.graphql.errors import present_all
from subgraphs.kit.graphql.schema import NotRunError, SubgraphSchema
from subgraphs.kit.graphql.uploads import UploadRequestAdapter, check_preflight, parse_multipart
from subgraphs.kit.http.client_address import client_address
from subgraphs.kit.http.responses import current_request_id, json_response

_MAX_USER_AGENT = 400


class GraphQLView(GraphQL[RequestContext | Connection, None]):
    """Strawberry's ASGI view with our context and orjson, and a short way for what nearly every request is.

    That is one operation as a JSON object, answered as one; all else goes Strawberry's way. A request with a bad token is answered 401 before anything is parsed. Over WebSocket the token comes
    with `connection_init`, and a bad one closes the socket with 4403.
    """

    request_adapter_class = UploadRequestAdapter

    def __init__(
        self,
        schema: SubgraphSchema,
        verifier: TokenVerifier,
        make_context: ContextFactory,
        *,
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
        self._schema = schema
        self._verifier = verifier
        self._make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await (await self._answer(scope, receive))(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        request = Request(scope, receive)
        try:
            check_preflight(request.headers)
            scope["viewer"] = await self._verifier.from_header(request.headers.get("authorization"))
            if _is_plain(request):
                operation = _operation(await request.body())
                if operation is not None:
                    with suppress(NotRunError):
                        return await self._answer_plain(request, operation)
            return await self.run(request)
        except DomainError as error:
            return refusal(error.code, error.message, error.http_status)
        except HTTPException as error:  # what is not GraphQL over HTTP at all
            return refusal("BAD_REQUEST", error.reason, error.status_code)
        finally:
            await request.close()  # the files of a form

    async def _answer_plain(self, request: Request, operation: "_Operation") -> Response:
        request.scope["graphql_operation"] = operation.name
        result = await self._schema.run(
            operation.query,
            operation.variables,
            self._make_context(self._request_info(request)),
            operation.name,
            operation.extensions,
        )
        return json_response(process_result(result))

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> dict[str, Any]:
        return await parse_multipart(request, self.parse_json)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> RequestContext | Connection:
        info = self._request_info(request)
        if isinstance(request, WebSocket):
            return Connection(info, self._verifier, self._make_context)
        return self._make_context(info)

    def _request_info(self, request: Request | WebSocket) -> RequestInfo:
        return RequestInfo(
            viewer=request.scope.get("viewer", ANONYMOUS),
            request_id=current_request_id(),
            client_address=client_address(request.scope, request.headers),
            user_agent=request.headers.get("user-agent", "")[:_MAX_USER_AGENT],
            verifier=self._verifier,
        )

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


@dataclass(frozen=True, slots=True)
class _Operation:
    query: str
    variables: dict[str, Any] | None
    name: str | None
    extensions: dict[str, Any] | None


def _is_plain(request: Request) -> bool:
    """Whether a JSON body comes, and a JSON answer will do, whatever else is accepted: Hive Gateway takes parts as well."""
    headers = request.headers
    accept = headers.get("accept") or "*/*"
    json_will_do = "json" in accept or "*/*" in accept or "application/*" in accept
    return json_will_do and headers.get("content-type", "").startswith("application/json")


def _operation(body: bytes) -> _Operation | None:
    """The one operation of `body`; None for what is none, which Strawberry's way refuses in its words.

    Raises HTTPException (400) for JSON that it does not expect at all.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if data.__class__ is list:
        return None
    if data.__class__ is not dict:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "A GraphQL request is a JSON object.")
    query, name = data.get("query"), data.get("operationName")
    variables, extensions = data.get("variables"), data.get("extensions")
    objects = all(one is None or one.__class__ is dict for one in (variables, extensions))
    if not query or query.__class__ is not str or not objects or not (name is None or name.__class__ is str):
        return None
    return _Operation(query, variables, name, extensions)


def refusal(code: str, message: str, status: int) -> Response:
    error = {"message": message, "extensions": {"code": code, "requestId": current_request_id()}}
    return json_response({"data": None, "errors": [error]}, status)

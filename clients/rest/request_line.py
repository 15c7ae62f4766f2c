"""Bounds of the request line, which is read before any route is known."""

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from subgraphs.kit.http.responses import error_body, json_response

# Characters. The longest query with a meaning has 13,000: a category, 20 tags and a cursor, percent-encoded.
MAX_QUERY = 16_384


class LimitQuery:
    """Refuses a longer query string with 414 before it is parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["query_string"]) > MAX_QUERY:
            body = error_body("URI_TOO_LONG", f"The query string may have at most {MAX_QUERY} characters.")
            await json_response(body, HTTPStatus.REQUEST_URI_TOO_LONG)(scope, receive, send)
            return
        await self._app(scope, receive, send)

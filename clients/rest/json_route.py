"""How bodies are read: JSON only, strictly, and told apart from what is no JSON at all."""

import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import Path, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from clients.rest.errors import ApiError
from clients.rest.models.base import MAX_ID

PathId = Annotated[str, Path(max_length=MAX_ID, pattern=r"^[!-~]+$")]
"""An opaque id; text that can be no id is answered as an unknown one."""

_JSON = re.compile(r"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)


class JsonRoute(APIRoute):
    """A route whose body is JSON, and whose parameters are no fixed path's words.

    A body that is declared as anything else is refused with 415; none declared counts as JSON. `/users/login` is
    its own path under every method, and never the user `login`.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if found.get("path_params") and scope["path"] in scope["app"].state.fixed_paths:
            return Match.NONE, {}
        return match, found

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        takes_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            if not takes_body:
                return await handler(request)
            request = _JsonRequest(request.scope, request.receive)
            # Read here rather than by FastAPI, which answers a body over the limit as a malformed one.
            content = await request.body()
            declared = request.headers.get("content-type", "application/json")
            if content and not _JSON.match(declared):
                message = f"Send the body as application/json, not as {declared}."
                raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
            return await handler(request)

        return handle


class _JsonRequest(Request):
    async def json(self) -> Any:
        # orjson refuses what the standard library lets through: NaN, lone surrogates, endless nesting.
        return orjson.loads(await self.body())

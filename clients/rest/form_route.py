"""How a form with a file is read: declared as one, and of a few parts."""

import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from clients.rest.errors import ApiError

_FORM = re.compile(r"multipart/form-data\s*;", re.IGNORECASE)
_MAX_PARTS = 10


class FormRoute(APIRoute):
    """A route whose body is multipart/form-data; anything else is refused with 415."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            declared = request.headers.get("content-type", "")
            if not _FORM.match(declared):
                message = f"Send the body as multipart/form-data, not as {declared or 'nothing'}."
                raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
            return await handler(_FormRequest(request.scope, request.receive))

        return handle


class _FormRequest(Request):
    def form(self, **limits: Any) -> Any:
        return super().form(**{**limits, "max_files": _MAX_PARTS, "max_fields": _MAX_PARTS})

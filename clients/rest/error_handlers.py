"""Errors on the wire: the documented JSON, or `application/problem+json` (RFC 9457) where Accept asks for it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from clients.rest import errors
from clients.rest.errors import ApiError
from subgraphs.kit.http.responses import current_request_id, error_body
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

PROBLEM = "application/problem+json"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_CODES = {
    HTTPStatus.BAD_REQUEST: "MALFORMED_REQUEST",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "PAYLOAD_TOO_LARGE",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
}


def install(app: FastAPI) -> None:
    """Answer every refusal of `app`, its framework's own included, in the documented form."""
    app.add_exception_handler(ApiError, _handler(lambda _, error: error))
    app.add_exception_handler(RequestValidationError, _handler(lambda _, error: _invalid(error.errors())))
    app.add_exception_handler(ValidationError, _handler(_unreadable))
    app.add_exception_handler(HTTPException, _http_or_options)


def body(error: ApiError) -> dict[str, object]:
    return error_body(error.code, error.message, field=error.field)


def render(request: Request, error: ApiError) -> Response:
    if _wants_problem(request.headers.get("accept", "")):
        return Response(
            orjson.dumps(_problem(error)),
            status_code=int(error.status),
            headers=error.headers(),
            media_type=PROBLEM,
        )
    return Response(
        orjson.dumps(body(error)),
        status_code=int(error.status),
        headers=error.headers(),
        media_type="application/json",
    )


def _problem(error: ApiError) -> dict[str, object]:
    # `about:blank` says that the status tells the kind (RFC 9457 4.2.1); `code` tells it finer.
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": error.status.phrase,
        "status": error.status.value,
        "detail": error.message,
        "code": error.code,
        "request_id": current_request_id(),
    }
    return problem | ({"field": error.field} if error.field else {})


def _wants_problem(accept: str) -> bool:
    for item in accept.lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        if media == PROBLEM:
            return not any(re.fullmatch(r"q=0(\.0*)?", p) for p in parameters)
    return False


def _handler(
    convert: Callable[[Request, Any], ApiError],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return render(request, convert(request, error))

    return handle


def _invalid(faults: Sequence[Any]) -> ApiError:
    """The first fault that pydantic found, where the client wrote it."""
    fault = faults[0]
    source, *path = fault["loc"]
    if fault["type"] == "json_invalid":
        return ApiError(
            HTTPStatus.BAD_REQUEST, "MALFORMED_REQUEST", f"The body is not JSON: {fault['ctx']['error']}."
        )
    if source == "path":
        # An id that cannot be one: what it names does not exist.
        return errors.not_found("resource")
    message = "The field is unknown." if fault["type"] == "extra_forbidden" else _sentence(fault["msg"])
    return errors.named("VALIDATION_FAILED", message, field=".".join(map(str, path)) or None)


def _unreadable(_: Request, error: ValidationError) -> ApiError:
    """An answer of the router's that lacks what was asked for: never the client's fault."""
    faults = [{"loc": fault["loc"], "type": fault["type"]} for fault in error.errors(include_input=False)]
    log.error("answer_unreadable", model=error.title, faults=faults)
    return errors.internal()


def _sentence(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text if text.endswith((".", "…")) else f"{text}."


async def _http_or_options(request: Request, error: Exception) -> Response:
    if (
        request.method == "OPTIONS"
        and isinstance(error, HTTPException)
        and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    ):
        # No route is for OPTIONS: what each path allows is known from the others (RFC 9110, 9.3.7).
        return Response(status_code=HTTPStatus.NO_CONTENT.value, headers={"Allow": _allowed(request)})
    return await _handler(_http)(request, error)


def _http(request: Request, error: HTTPException) -> ApiError:
    status = HTTPStatus(error.status_code)
    message = error.detail if error.detail and error.detail != status.phrase else f"{status.phrase}."
    headers = error.headers
    if status is HTTPStatus.NOT_FOUND:
        message = f"There is nothing at {request.url.path}."
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not possible here."
        headers = {"Allow": _allowed(request)}
    return ApiError(status, _CODES.get(status, status.name), message, headers=headers)


def _allowed(request: Request) -> str:
    # The framework names the methods of the first route with this path, or none; one path has several routes.
    def answers(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(sorted(["OPTIONS", *filter(answers, _METHODS)]))

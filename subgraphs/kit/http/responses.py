"""Answers as JSON, and the documented form of an error."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
import structlog
from fastapi import Response

from subgraphs.kit.ids import new_id


def json_response(
    body: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(body), status_code=int(status), media_type="application/json", headers=headers
    )


def error_body(code: str, message: str, *, field: str | None = None) -> dict[str, object]:
    """The documented error: `{"error": {"code", "message", "field"?}, "request_id"}`."""
    error = {"code": code, "message": message} | ({"field": field} if field else {})
    return {"error": error, "request_id": current_request_id()}


def current_request_id() -> str:
    """The id of the request being served; a fresh one outside of any."""
    return str(structlog.contextvars.get_contextvars().get("request_id") or new_id())

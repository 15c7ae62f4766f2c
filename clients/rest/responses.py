"""Successful answers: JSON with exact money, and what an endpoint may answer otherwise."""

from decimal import Decimal
from http import HTTPStatus

import orjson
from fastapi import Response
from pydantic import BaseModel

from clients.rest.models.errors import ErrorAnswer, Responses

MEANINGS = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or not the form that was declared.",
    HTTPStatus.UNAUTHORIZED: "No token, or one that is not accepted; log in or refresh.",
    HTTPStatus.PAYMENT_REQUIRED: "The payment was declined; the order waits for another.",
    HTTPStatus.FORBIDDEN: "The account may not do this.",
    HTTPStatus.NOT_FOUND: "It does not exist, or the caller may not see it.",
    HTTPStatus.CONFLICT: "It does not fit what is there: taken, sold out, or not possible in this state.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The query string is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as what the endpoint takes.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A value does not fit; `field` says where.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; `Retry-After` says how many seconds to wait.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault on our side.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A service behind this one is away; `Retry-After` says how many seconds to wait.",
}
_ALWAYS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_WITH_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def ok(model: BaseModel, *, private: bool = False) -> Response:
    """200 with `model`; `private` keeps tokens out of every cache (RFC 6749 5.1)."""
    return _json(model, HTTPStatus.OK, {"Cache-Control": "no-store"} if private else {})


def created(model: BaseModel, *, location: str, private: bool = False) -> Response:
    """201 with `model` and where it can be read from now on."""
    return _json(
        model, HTTPStatus.CREATED, {"Location": location} | ({"Cache-Control": "no-store"} if private else {})
    )


def no_content() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT.value)


def encode(model: BaseModel) -> bytes:
    return orjson.dumps(model.model_dump(), default=_exact, option=orjson.OPT_UTC_Z)


def refusals(*statuses: int, body: bool = False) -> Responses:
    """The error answers of an endpoint for the OpenAPI document; `body` adds those of reading one."""
    found = sorted({*statuses, *_ALWAYS, *(_WITH_BODY if body else ())})
    return {
        int(status): {"model": ErrorAnswer, "description": MEANINGS[HTTPStatus(status)]} for status in found
    }


def _json(model: BaseModel, status: HTTPStatus, headers: dict[str, str]) -> Response:
    return Response(encode(model), status_code=int(status), headers=headers, media_type="application/json")


def _exact(value: object) -> orjson.Fragment:
    # A JSON number is decimal digits; going through a float would be the only inexact step.
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)

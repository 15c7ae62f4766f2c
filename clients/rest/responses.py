"""Successful answers: JSON with exact money, and what an endpoint may answer otherwise."""

from decimal import Decimal
from http import HTTPStatus

import orjson
from fastapi import Response
from pydantic import BaseModel

from clients.rest.entity_tags import entity_tag, form_of, is_known
from clients.rest.media_types import CSV
from clients.rest.models.errors import ErrorAnswer, Responses

MEANINGS = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or not the form that was declared.",
    HTTPStatus.UNAUTHORIZED: "No token, or one that is not accepted; log in or refresh.",
    HTTPStatus.PAYMENT_REQUIRED: "The payment was declined; the order waits for another.",
    HTTPStatus.FORBIDDEN: "The account may not do this.",
    HTTPStatus.NOT_FOUND: "It does not exist, or the caller may not see it.",
    HTTPStatus.CONFLICT: "It does not fit what is there: taken, sold out, or not possible in this state.",
    HTTPStatus.PRECONDITION_FAILED: "It has changed since the `ETag` of `If-Match`; read it again.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The query string is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as what the endpoint takes.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A value does not fit; `field` says where.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; `Retry-After` says how many seconds to wait.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault on our side.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A service behind this one is away; `Retry-After` says how many seconds to wait.",
}
LOOK_AGAIN_SECONDS = 1
"""After how long what is not decided may be: an order whose process was lost is resumed a second later."""

_TAG = {"schema": {"type": "string"}, "description": "For `If-None-Match` and `If-Match`."}
_VARIED = {"Cache-Control": "no-cache", "Vary": "Accept, Authorization"}
_ALWAYS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_WITH_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def ok(model: BaseModel, *, private: bool = False) -> Response:
    """200 with `model`; `private` keeps tokens out of every cache (RFC 6749 5.1)."""
    return _json(encode(model), HTTPStatus.OK, {"Cache-Control": "no-store"} if private else {})


def ok_tagged(model: BaseModel, *, version: int, if_none_match: str = "") -> Response:
    """200 with `model` and its `ETag`; 304 where the client has it already."""
    content = encode(model)
    tag = entity_tag(content, version=version, form=form_of(type(model)))
    if is_known(tag, if_none_match):
        return not_modified(tag)
    return _json(content, HTTPStatus.OK, _tagged(tag))


def not_modified(tag: str) -> Response:
    """304: the client has the answer of `tag`, and it is still that."""
    return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=_tagged(tag))


def ok_varied(model: BaseModel) -> Response:
    """200 with `model`, which another `Accept` would have had in another form."""
    return _json(encode(model), HTTPStatus.OK, _VARIED)


def csv_file(text: str, *, name: str) -> Response:
    """200 with a table that a browser saves under `name`."""
    headers = {**_VARIED, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, headers=headers, media_type=CSV)


def created(
    model: BaseModel, *, location: str, private: bool = False, version: int | None = None
) -> Response:
    """201 with `model` and where it can be read from now on, and its `ETag` where it has a `version`."""
    content = encode(model)
    headers = {"Cache-Control": "no-store"} if private else {}
    if version is not None:
        headers |= _tagged(entity_tag(content, version=version, form=form_of(type(model))))
    return _json(content, HTTPStatus.CREATED, {"Location": location} | headers)


def accepted(model: BaseModel, *, location: str, version: int) -> Response:
    """202 with `model` as it is so far, where it can be read, and after how many seconds to look again."""
    content = encode(model)
    tag = entity_tag(content, version=version, form=form_of(type(model)))
    headers = {"Location": location, "Retry-After": str(LOOK_AGAIN_SECONDS)} | _tagged(tag)
    return _json(content, HTTPStatus.ACCEPTED, headers)


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


def tagged(status: int) -> Responses:
    """For the OpenAPI document: the answer of `status` carries an `ETag`."""
    return {status: {"description": HTTPStatus(status).phrase, "headers": {"ETag": _TAG}}}


def undecided(model: type[BaseModel], description: str) -> Responses:
    """For the OpenAPI document: 202 with a `model` that is not what it will be."""
    headers = {
        "ETag": _TAG,
        "Location": {"schema": {"type": "string"}, "description": "Where it can be read."},
        "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds after which to read it."},
    }
    return {HTTPStatus.ACCEPTED.value: {"model": model, "description": description, "headers": headers}}


def _tagged(tag: str) -> dict[str, str]:
    # What is answered depends on who asks, and stock changes at any moment: a cache has to ask again.
    return {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Vary": "Authorization",
    }


def _json(content: bytes, status: HTTPStatus, headers: dict[str, str]) -> Response:
    return Response(content, status_code=int(status), headers=headers, media_type="application/json")


def _exact(value: object) -> orjson.Fragment:
    # A JSON number is decimal digits; going through a float would be the only inexact step.
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)

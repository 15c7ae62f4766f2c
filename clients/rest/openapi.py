"""The OpenAPI document: FastAPI's, corrected where it says what is never answered."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from clients.rest.dependencies import BEARER, OPTIONAL_BEARER
from clients.rest.error_handlers import PROBLEM
from clients.rest.models.errors import ErrorAnswer, Problem
from clients.rest.responses import MEANINGS


def document(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
        )
        components = document["components"]
        for path in document["paths"].values():
            for operation in path.values():
                _refer_to_refusals(operation["responses"])
                if operation.get("security") == [{OPTIONAL_BEARER: []}]:
                    operation["security"] = [{}, {BEARER: []}]
        del components["securitySchemes"][OPTIONAL_BEARER]
        # FastAPI's own form of a validation error, which is never answered here.
        components["schemas"] = {
            **{
                k: v
                for k, v in components["schemas"].items()
                if k not in {"HTTPValidationError", "ValidationError"}
            },
            Problem.__name__: Problem.model_json_schema(),
        }
        components["responses"] = {_name(status): _refusal(status) for status in MEANINGS}
        app.openapi_schema = document
    return app.openapi_schema


def _refer_to_refusals(responses: dict[str, Any]) -> None:
    """Say each refusal once in the document instead of once per endpoint."""
    for code in [c for c in responses if int(c) >= HTTPStatus.BAD_REQUEST]:
        if responses[code]["description"] == MEANINGS.get(HTTPStatus(int(code))):
            responses[code] = {"$ref": f"#/components/responses/{_name(int(code))}"}
        else:
            # Added by FastAPI wherever there is a parameter; where only the path can be wrong, that is a 404.
            del responses[code]


def _name(status: int) -> str:
    return f"Error{int(status)}"


def _refusal(status: HTTPStatus) -> dict[str, Any]:
    forms = {"application/json": ErrorAnswer, PROBLEM: Problem}
    refusal: dict[str, Any] = {
        "description": MEANINGS[status],
        "content": {
            media: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
            for media, model in forms.items()
        },
    }
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        refusal["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    if status is HTTPStatus.UNAUTHORIZED:
        refusal["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return refusal

"""The OpenAPI document: FastAPI's, made to say what is really answered and how operations follow one another."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from clients.rest.dependencies import BEARER, OPTIONAL_BEARER
from clients.rest.error_handlers import PROBLEM
from clients.rest.models.errors import ErrorAnswer, Problem
from clients.rest.models.orders import StatusEvent
from clients.rest.responses import MEANINGS

_STATE = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
_CHECKS = {
    "type": "object",
    "properties": {
        "status": {"enum": ["ready", "unavailable"]},
        "checks": {"type": "object", "additionalProperties": {"type": "boolean"}},
    },
    "required": ["status", "checks"],
}
_OPERATIONAL: dict[str, dict[str, Any]] = {
    "/health": {"200": {"description": "It does.", "content": {"application/json": {"schema": _STATE}}}},
    "/ready": {
        "200": {"description": "They do.", "content": {"application/json": {"schema": _CHECKS}}},
        "503": {"description": "Not all of them.", "content": {"application/json": {"schema": _CHECKS}}},
    },
    "/metrics": {
        "200": {
            "description": "In the text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
}
_ACCOUNT = {"readUser": {"id": "$response.body#/user/id"}}
_ORDER = {
    "readOrder": {"id": "$response.body#/id"},
    "updateOrder": {"id": "$response.body#/id"},
    "payOrder": {"id": "$response.body#/id"},
    "followOrder": {"id": "$response.body#/id"},
    "cancelOrder": {"id": "$response.body#/id"},
    "listOrders": {"user_id": "$response.body#/user_id"},
}
# By the operation that answers: which one may follow, with which of its parameters taken from where.
_LINKS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "createUser": _ACCOUNT,
    "register": _ACCOUNT,
    "login": _ACCOUNT,
    "refresh": _ACCOUNT,
    "readProfile": {
        "readUser": {"id": "$response.body#/id"},
        "listOrders": {"user_id": "$response.body#/id"},
    },
    "createProduct": {
        "readProduct": {"id": "$response.body#/id"},
        "addProductImage": {"id": "$response.body#/id"},
    },
    "listProducts": {
        "readProduct": {"id": "$response.body#/products/0/id"},
        "listProducts": {"cursor": "$response.body#/next_cursor"},
    },
    "listCategories": {"listProducts": {"category": "$response.body#/categories/0/id"}},
    "createOrder": _ORDER,
    "listOrders": {
        "readOrder": {"id": "$response.body#/orders/0/id"},
        "listOrders": {"user_id": "$request.path.user_id", "cursor": "$response.body#/next_cursor"},
    },
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `app`."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    for path, operation in _operations(made):
        responses = operation["responses"]
        responses.update(_OPERATIONAL.get(path, {}))
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
            long = HTTPStatus.REQUEST_URI_TOO_LONG
            responses[str(long.value)] = {"description": MEANINGS[long]}
        _refer_to_refusals(responses, path)
        if operation.get("security") == [{OPTIONAL_BEARER: []}]:
            operation["security"] = [{}, {BEARER: []}]
        _link(operation)
    components = made["components"]
    del components["securitySchemes"][OPTIONAL_BEARER]
    for unused in ("HTTPValidationError", "ValidationError"):
        # FastAPI's own form of a validation error, which is never answered here.
        del components["schemas"][unused]
    for model in (Problem, StatusEvent):
        components["schemas"][model.__name__] = model.model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
    components["responses"] = {_name(status): _refusal(status) for status in MEANINGS}
    return made


def _operations(made: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in made["paths"].items():
        for operation in item.values():
            yield path, operation


def _refer_to_refusals(responses: dict[str, Any], path: str) -> None:
    """Say each refusal once in the document instead of once per endpoint."""
    if path in _OPERATIONAL:
        return
    for code in [c for c in responses if int(c) >= HTTPStatus.BAD_REQUEST]:
        if responses[code]["description"] == MEANINGS.get(HTTPStatus(int(code))):
            responses[code] = {"$ref": f"#/components/responses/{_name(int(code))}"}
        else:
            # Added by FastAPI wherever there is a parameter; where only the path can be wrong, that is a 404.
            del responses[code]


def _link(operation: dict[str, Any]) -> None:
    links = {
        name: {"operationId": name, "parameters": dict(parameters)}
        for name, parameters in _LINKS.get(operation["operationId"], {}).items()
    }
    success = next(code for code in operation["responses"] if code.startswith("2"))
    if links:
        operation["responses"][success]["links"] = links


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

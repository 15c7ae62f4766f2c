"""`/openapi.json` and `/docs`: Swagger UI from a wheel, so that the pages work without the network."""

from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.staticfiles import StaticFiles

from clients.rest.calls import BEARER, OPTIONAL_BEARER
from clients.rest.models.errors import ErrorAnswer, Problem
from clients.rest.problems import PROBLEM
from clients.rest.responses import MEANINGS
from subgraphs.kit.http.responses import json_response

# Below /docs, so that whoever routes the pages routes what they load.
_ASSETS = "/docs/assets"


def install(app: FastAPI) -> None:
    """Serve the document and its pages."""
    folder = Path(str(files("fastapi_offline") / "static"))

    async def openapi() -> Response:
        return json_response(app.openapi())

    async def pages() -> Response:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", pages, include_in_schema=False)
    app.mount(_ASSETS, StaticFiles(directory=folder), name="docs-assets")
    app.openapi = lambda: _document(app)  # type: ignore[method-assign] # FastAPI's documented way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
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

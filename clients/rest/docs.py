"""`/openapi.json` and `/docs`: Swagger UI from a wheel, so that the pages work without the network."""

from functools import cache
from importlib.resources import files
from pathlib import Path

import orjson
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.staticfiles import StaticFiles

from clients.rest import openapi

# Below /docs, so that whoever routes the pages routes what they load.
_ASSETS = "/docs/assets"


def install(app: FastAPI) -> None:
    """Serve the document and its pages; both are rendered for the first client and kept."""
    folder = Path(str(files("fastapi_offline") / "static"))

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi.document(app))

    @cache
    def page() -> bytes:
        html = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )
        return bytes(html.body)

    async def openapi_json() -> Response:
        return Response(document(), media_type="application/json")

    async def docs() -> Response:
        return Response(page(), media_type="text/html")

    app.add_api_route("/openapi.json", openapi_json, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.mount(_ASSETS, StaticFiles(directory=folder), name="docs-assets")

"""Composition root of the REST layer: the only place that builds its client and wires it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from clients.rest import __doc__ as description
from clients.rest import docs, documents, error_handlers
from clients.rest.request_line import LimitQuery
from clients.rest.router_client import RouterClient, open_router_client
from clients.rest.routes import images, orders, products, reports, users
from clients.rest.settings import Settings
from clients.rest.status_stream import StatusStreams
from subgraphs.kit.background import running
from subgraphs.kit.http.deadlines import Deadlines
from subgraphs.kit.http.middleware import FASTAPI_TELEMETRY, LimitBody, Observe, UploadLimit
from subgraphs.kit.http.operations import add_operational_routes
from subgraphs.kit.loop_lag import loop_lag_job

_TAGS = [
    {"name": "users", "description": "Accounts and sessions."},
    {"name": "products", "description": "The catalogue."},
    {"name": "orders", "description": "Orders, payments and live status."},
    {"name": "reports", "description": "What was sold and given back."},
    {"name": "operations", "description": "For operators and orchestrators."},
]

_UPLOADS = re.compile(r"/api/v1/products/[^/]+/images")


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[ASGIApp]:
    """The application with its connections, which close with it."""
    async with (
        open_router_client(
            settings.gateway,
            documents.load(),
            router=settings.services.router,
            subscriptions=settings.services.subscriptions or settings.services.router,
        ) as router_client,
        running(loop_lag_job()),
    ):
        yield build(settings, router_client)


def build(settings: Settings, router_client: RouterClient) -> FastAPI:
    """The application around `router_client`; opens nothing."""
    app = FastAPI(
        title="Supergraph REST API",
        version="1.0.0",
        summary="Users, products and orders over REST.",
        description=description or "",
        license_info={"name": "MIT", "identifier": "MIT"},
        openapi_tags=_TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
        generate_unique_id_function=_operation_id,
        telemetry=FASTAPI_TELEMETRY,
    )
    app.state.router_client = router_client
    app.state.streams = StatusStreams(settings.stream)
    routers = [module.router for module in (users, products, images, orders, reports)]
    paths = {route.path for router in routers for route in router.routes if isinstance(route, APIRoute)}
    app.state.fixed_paths = frozenset(path for path in paths if "{" not in path)
    for router in routers:
        # Each router knows its whole prefix: metrics are labelled by a route's own path.
        app.include_router(router)
    add_operational_routes(app, {"router": router_client.check})
    error_handlers.install(app)
    docs.install(app)
    app.add_middleware(LimitQuery)
    uploads = UploadLimit(_UPLOADS, settings.uploads.max_bytes)
    app.add_middleware(LimitBody, max_bytes=settings.server.max_body_bytes, uploads=uploads)
    app.add_middleware(
        Deadlines,
        read=settings.server.read_timeout.total_seconds(),
        write=settings.server.write_timeout.total_seconds(),
    )
    app.add_middleware(Observe, slow=settings.server.slow_request.total_seconds())
    return app


def _operation_id(route: APIRoute) -> str:
    """`create_order` is `createOrder`, as generated clients name their methods."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)

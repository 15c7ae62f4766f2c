"""The composition root: builds what there is, wires it, and takes it down again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI, Response
from starlette.types import ASGIApp

from subgraphs.kit.auth import TokenVerifier
from subgraphs.kit.graphql.app import RequestContext, create_app
from subgraphs.kit.http import json_response
from subgraphs.kit.outbox import OutboxRelay
from subgraphs.kit.postgres import Postgres
from subgraphs.kit.redis import create_redis
from subgraphs.kit.revocations import RedisRevocations
from subgraphs.kit.tasks import running
from subgraphs.users.access_tokens import AccessTokens
from subgraphs.users.graphql.context import UsersContext
from subgraphs.users.graphql.schema import schema
from subgraphs.users.keys import KeyRing
from subgraphs.users.loaders import Loaders
from subgraphs.users.passwords import Passwords
from subgraphs.users.service import Accounts, Authenticator, Directory, Sessions, UserService
from subgraphs.users.settings import UsersSettings
from subgraphs.users.store import outbox

_JWKS_MAX_AGE = 300  # seconds; a new key is put into the ring at least that long before it signs


@asynccontextmanager
async def open_app(settings: UsersSettings) -> AsyncIterator[ASGIApp]:
    """The subgraph as an ASGI application, with its background tasks running. Raises KeyRingError."""
    async with AsyncExitStack() as stack:
        ring = KeyRing(settings.jwt.keys_dir)
        passwords = Passwords(settings.passwords)
        stack.callback(passwords.close)
        postgres = Postgres(settings.database, application="users")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        revocations = RedisRevocations(redis)
        relay = OutboxRelay(postgres, redis, outbox)
        await stack.enter_async_context(running(relay.run()))

        authenticator = Authenticator(AccessTokens(ring, settings.jwt), settings.jwt)
        service = UserService(
            accounts=Accounts(
                postgres,
                passwords,
                authenticator,
                first_account_admin=settings.first_account_admin,
                notify=relay.nudge,
            ),
            sessions=Sessions(postgres, passwords, authenticator, revocations, settings.jwt),
            directory=Directory(postgres),
        )

        def make_context(request: RequestContext) -> UsersContext:
            return UsersContext.of(request, service=service, loaders=Loaders(postgres))

        yield create_app(
            service="users",
            settings=settings.server,
            schema=schema,
            verifier=TokenVerifier(ring, settings.jwt, revocations),
            make_context=make_context,
            checks={"postgres": postgres.ping, "redis": redis.ping},
            add_routes=lambda app: _add_jwks(app, ring),
        )


def _add_jwks(app: FastAPI, ring: KeyRing) -> None:
    async def jwks() -> Response:
        headers = {"cache-control": f"public, max-age={_JWKS_MAX_AGE}"}
        return json_response(ring.jwks(), headers=headers)

    app.add_api_route("/.well-known/jwks.json", jwks, summary="The keys that verify access tokens")

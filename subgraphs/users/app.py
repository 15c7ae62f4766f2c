"""The composition root: builds what there is, wires it, and takes it down again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI, Response
from starlette.types import ASGIApp

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import Job, running
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.grpc.server import serving
from subgraphs.kit.http.responses import json_response
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.rate_limiting import RateLimiter
from subgraphs.kit.redis.client import CountingRedis, create_redis
from subgraphs.users import rpc
from subgraphs.users.access_tokens import AccessTokens
from subgraphs.users.graphql.context import UsersContext
from subgraphs.users.graphql.schema import schema
from subgraphs.users.keys import KeyRing
from subgraphs.users.loaders import Loaders
from subgraphs.users.mail import create_mailer
from subgraphs.users.password_policy import PasswordPolicy
from subgraphs.users.passwords import Passwords
from subgraphs.users.service import (
    Accounts,
    Administration,
    Authenticator,
    Directory,
    Logins,
    PasswordChanges,
    PermissionTable,
    Revoker,
    Sessions,
    Throttles,
    UserService,
)
from subgraphs.users.settings import ThrottleSettings, UsersSettings
from subgraphs.users.store import outbox
from subgraphs.users.worker import Housekeeping, LastUse, Post, republish

_JWKS_MAX_AGE = timedelta(minutes=5)


@asynccontextmanager
async def open_app(settings: UsersSettings) -> AsyncIterator[ASGIApp]:
    """The subgraph as an ASGI application, with its background tasks running. Raises KeyRingError."""
    async with AsyncExitStack() as stack:
        ring = None if settings.jwt.secret.get_secret_value() else KeyRing(settings.jwt.keys_dir)
        passwords = Passwords(settings.passwords)
        stack.callback(passwords.close)
        postgres = Postgres(settings.database, application="users")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        revocations = RedisRevocations(redis)
        mailer = create_mailer(settings.mail)
        stack.callback(mailer.close)
        relay = OutboxRelay(postgres, redis, outbox)
        post = Post(postgres, mailer, settings.mail, reset_life=settings.passwords.reset_life)
        last_use = LastUse(postgres)
        revoker = Revoker(postgres, revocations, settings.jwt)

        permissions = PermissionTable(postgres, redis)
        authenticator = Authenticator(AccessTokens(ring, settings.jwt), permissions, settings.jwt)
        policy = PasswordPolicy(settings.passwords)
        throttles = Throttles(_throttle(redis, settings.throttle), settings.throttle)
        service = UserService(
            accounts=Accounts(
                postgres,
                passwords,
                policy,
                authenticator,
                throttles,
                first_account_admin=settings.first_account_admin,
                notify=relay.wake_up,
                notify_mail=post.wake_up,
            ),
            logins=Logins(
                postgres,
                passwords,
                authenticator,
                throttles=throttles,
                revoker=revoker,
                settings=settings.jwt,
            ),
            sessions=Sessions(postgres, revoker),
            passwords=PasswordChanges(
                postgres, passwords, policy, throttles, revoker, notify_mail=post.wake_up
            ),
            administration=Administration(postgres, revoker),
            directory=Directory(postgres),
            permissions=permissions,
        )
        housekeeping = Housekeeping(postgres, settings.retention)
        background = (
            relay.job,
            Job(name="post", run_once=post.run, every=1),
            Job(name="last_use", run_once=last_use.run, every=1),
            Job(name="revocations", run_once=lambda: republish(revoker), every=1),
            Job(name="housekeeping", run_once=housekeeping.run, every=1),
        )
        await stack.enter_async_context(running(*background))

        verifier = TokenVerifier(ring, settings.jwt, revocations)
        register = rpc.registration(service.directory, verifier)
        await stack.enter_async_context(serving(settings, services=[rpc.SERVICE], register=register))

        def make_context(request: RequestInfo) -> UsersContext:
            last_use.note(request.viewer.session_id)
            return UsersContext(request=request, service=service, loaders=Loaders(postgres))

        yield create_app(
            service="users",
            settings=settings.server,
            schema=schema,
            verifier=verifier,
            make_context=make_context,
            checks={"postgres": postgres.ping, "redis": redis.ping},
            add_routes=lambda app: _add_jwks(app, ring, lead=settings.jwt.key_lead),
        )


def _throttle(redis: CountingRedis, settings: ThrottleSettings) -> RateLimiter:
    return RateLimiter(redis, first_wait=settings.first_wait, longest_wait=settings.longest_wait)


def _add_jwks(app: FastAPI, ring: KeyRing | None, *, lead: timedelta) -> None:
    # Whoever keeps the keys for that long has fetched a new one before it signs.
    max_age = int(min(_JWKS_MAX_AGE, lead / 2).total_seconds())

    async def jwks() -> Response:
        headers = {"cache-control": f"public, max-age={max_age}"}
        return json_response(ring.jwks() if ring else {"keys": []}, headers=headers)

    app.add_api_route("/.well-known/jwks.json", jwks, summary="The keys that verify access tokens")

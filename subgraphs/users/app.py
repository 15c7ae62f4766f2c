"""The composition root: builds what there is, wires it, and takes it down again."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI, Response
from starlette.types import ASGIApp

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import running
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.grpc.server import serving
from subgraphs.kit.http.responses import json_response
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.rate_limiting import RateLimiter
from subgraphs.kit.redis.client import CountingRedis, create_redis
from subgraphs.users.credentials.access_tokens import AccessTokens
from subgraphs.users.credentials.keys import KeyRing
from subgraphs.users.credentials.password_policy import PasswordPolicy
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.email.composer import Composer
from subgraphs.users.email.dispatcher import EmailDispatcher
from subgraphs.users.email.senders import create_sender
from subgraphs.users.graphql.context import UsersContext
from subgraphs.users.graphql.loaders import Loaders
from subgraphs.users.graphql.schema import schema
from subgraphs.users.grpc import server as user_service
from subgraphs.users.jobs.housekeeping import Housekeeping
from subgraphs.users.jobs.last_use import LastUse
from subgraphs.users.jobs.revocations import republish_job
from subgraphs.users.service import (
    Accounts,
    ActivityLog,
    Administration,
    Authenticator,
    Directory,
    EmailChanges,
    Logins,
    PasswordChanges,
    Profiles,
    RateLimits,
    Reauthentication,
    RevocationPublisher,
    RolePermissions,
    Sessions,
    UserService,
)
from subgraphs.users.settings import UsersSettings
from subgraphs.users.store import outbox

_JWKS_MAX_AGE = timedelta(minutes=5)


@asynccontextmanager
async def open_app(settings: UsersSettings) -> AsyncIterator[ASGIApp]:
    """The subgraph as an ASGI application, with its jobs running. Raises StartError."""
    async with AsyncExitStack() as stack:
        ring = None if settings.jwt.secret.get_secret_value() else KeyRing(settings.jwt.keys_dir)
        passwords = Passwords(settings.passwords)
        stack.callback(passwords.close)
        postgres = Postgres(settings.database, application="users")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        sender = create_sender(settings.mail)
        stack.callback(sender.close)

        known_revocations = RedisRevocations(redis)
        revocations = RevocationPublisher(
            postgres=postgres, revocations=known_revocations, settings=settings.jwt
        )
        relay = OutboxRelay(postgres, redis, outbox)
        composer = Composer(
            postgres=postgres, settings=settings.mail, reset_life=settings.passwords.reset_life
        )
        dispatcher = EmailDispatcher(postgres=postgres, composer=composer, sender=sender)
        service = _create_service(
            settings,
            ring,
            postgres=postgres,
            redis=redis,
            passwords=passwords,
            revocations=revocations,
            wake_relay=relay.wake_up,
            wake_dispatcher=dispatcher.wake_up,
        )
        last_use = LastUse(postgres=postgres)
        housekeeping = Housekeeping(postgres=postgres, settings=settings.retention)
        jobs = (relay.job, dispatcher.job, last_use.job, republish_job(revocations), housekeeping.job)
        await stack.enter_async_context(running(*jobs))

        verifier = TokenVerifier(ring, settings.jwt, known_revocations)
        register = user_service.registration(directory=service.directory, verifier=verifier)
        serve = serving(settings, services=[user_service.SERVICE], register=register)
        await stack.enter_async_context(serve)

        def make_context(request: RequestInfo) -> UsersContext:
            last_use.note(request.viewer.session_id)
            return UsersContext(request=request, service=service, loaders=Loaders(service))

        yield create_app(
            service="users",
            settings=settings.server,
            schema=schema,
            verifier=verifier,
            make_context=make_context,
            checks={"postgres": postgres.ping, "redis": redis.ping},
            add_routes=lambda app: _add_jwks(app, ring, lead=settings.jwt.key_lead),
        )


def _create_service(
    settings: UsersSettings,
    ring: KeyRing | None,
    *,
    postgres: Postgres,
    redis: CountingRedis,
    passwords: Passwords,
    revocations: RevocationPublisher,
    wake_relay: Callable[[], None],
    wake_dispatcher: Callable[[], None],
) -> UserService:
    limiter = RateLimiter(
        redis, first_wait=settings.throttle.first_wait, longest_wait=settings.throttle.longest_wait
    )
    rate_limits = RateLimits(limiter=limiter, settings=settings.throttle)
    permissions = RolePermissions(postgres=postgres, redis=redis)
    authenticator = Authenticator(
        access_tokens=AccessTokens(ring, settings.jwt), permissions=permissions, settings=settings.jwt
    )
    policy = PasswordPolicy(settings.passwords)
    reauthentication = Reauthentication(postgres=postgres, passwords=passwords, rate_limits=rate_limits)
    email_changes = EmailChanges(
        postgres=postgres,
        rate_limits=rate_limits,
        revocations=revocations,
        life=settings.mail.confirm_life,
        wake_dispatcher=wake_dispatcher,
    )
    return UserService(
        accounts=Accounts(
            postgres=postgres,
            passwords=passwords,
            policy=policy,
            authenticator=authenticator,
            rate_limits=rate_limits,
            first_account_admin=settings.first_account_admin,
            wake_relay=wake_relay,
        ),
        profiles=Profiles(
            postgres=postgres,
            reauthentication=reauthentication,
            rate_limits=rate_limits,
            email_changes=email_changes,
            wake_dispatcher=wake_dispatcher,
        ),
        email_changes=email_changes,
        logins=Logins(
            postgres=postgres,
            passwords=passwords,
            authenticator=authenticator,
            rate_limits=rate_limits,
            revocations=revocations,
            settings=settings.jwt,
        ),
        sessions=Sessions(postgres=postgres, revocations=revocations),
        passwords=PasswordChanges(
            postgres=postgres,
            passwords=passwords,
            policy=policy,
            reauthentication=reauthentication,
            rate_limits=rate_limits,
            revocations=revocations,
            wake_dispatcher=wake_dispatcher,
        ),
        administration=Administration(postgres=postgres, revocations=revocations),
        directory=Directory(postgres=postgres),
        activity=ActivityLog(postgres=postgres),
        permissions=permissions,
    )


def _add_jwks(app: FastAPI, ring: KeyRing | None, *, lead: timedelta) -> None:
    # Whoever keeps the keys for that long has fetched a new one before it signs.
    max_age = int(min(_JWKS_MAX_AGE, lead / 2).total_seconds())

    async def jwks() -> Response:
        headers = {"cache-control": f"public, max-age={max_age}"}
        return json_response(ring.jwks() if ring else {"keys": []}, headers=headers)

    app.add_api_route("/.well-known/jwks.json", jwks, summary="The keys that verify access tokens")

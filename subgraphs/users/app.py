"""The composition root: builds what there is, wires it, and takes it down again."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI, Response
from starlette.types import ASGIApp

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import running
from subgraphs.kit.events.connect import open_transport
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.grpc.credentials import expiry_job
from subgraphs.kit.grpc.server import serving
from subgraphs.kit.http.responses import json_response
from subgraphs.kit.loop_lag import loop_lag_job
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
from subgraphs.users.jobs.measurement import Measurement
from subgraphs.users.jobs.order_activity import OrderActivity
from subgraphs.users.jobs.order_email import OrderEmails
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
        transport = await stack.enter_async_context(open_transport(settings, redis))
        relay = OutboxRelay(postgres, transport, outbox)
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
        order_emails = OrderEmails(
            postgres=postgres, stale_after=settings.mail.give_up_after, wake_dispatcher=dispatcher.wake_up
        )
        consumers = [each.consumer(transport) for each in (order_emails, OrderActivity(postgres=postgres))]
        for consumer in consumers:
            stack.push_async_callback(consumer.close)
        last_use = LastUse(postgres=postgres)
        housekeeping = Housekeeping(postgres=postgres, settings=settings.retention)
        jobs = (relay.job, dispatcher.job, last_use.job, republish_job(revocations), housekeeping.job)
        measuring = (
            relay.measuring,
            Measurement(postgres=postgres, ring=ring).job,
            loop_lag_job(),
            expiry_job(settings.services),
        )
        consuming = (job for each in consumers for job in each.jobs)
        await stack.enter_async_context(running(*jobs, *consuming, *measuring))

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guards:
    """What several use cases ask before they let anybody do anything."""

    passwords: Passwords
    policy: PasswordPolicy
    rate_limits: RateLimits
    reauthentication: Reauthentication
    authenticator: Authenticator
    revocations: RevocationPublisher


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
    throttle = settings.throttle
    limiter = RateLimiter(redis, first_wait=throttle.first_wait, longest_wait=throttle.longest_wait)
    rate_limits = RateLimits(limiter=limiter, settings=throttle)
    permissions = RolePermissions(postgres=postgres, redis=redis)
    access_tokens = AccessTokens(ring, settings.jwt)
    guards = _Guards(
        passwords=passwords,
        policy=PasswordPolicy(settings.passwords),
        rate_limits=rate_limits,
        reauthentication=Reauthentication(postgres=postgres, passwords=passwords, rate_limits=rate_limits),
        authenticator=Authenticator(
            access_tokens=access_tokens, permissions=permissions, settings=settings.jwt
        ),
        revocations=revocations,
    )
    email_changes = EmailChanges(
        postgres=postgres,
        rate_limits=rate_limits,
        revocations=revocations,
        life=settings.mail.confirm_life,
        wake_dispatcher=wake_dispatcher,
    )
    return UserService(
        accounts=_create_accounts(settings, guards, postgres=postgres, wake_relay=wake_relay),
        profiles=_create_profiles(guards, email_changes, postgres=postgres, wake_dispatcher=wake_dispatcher),
        email_changes=email_changes,
        logins=_create_logins(settings, guards, postgres=postgres),
        sessions=Sessions(postgres=postgres, revocations=revocations),
        passwords=_create_password_changes(guards, postgres=postgres, wake_dispatcher=wake_dispatcher),
        administration=Administration(postgres=postgres, revocations=revocations),
        directory=Directory(postgres=postgres),
        activity=ActivityLog(postgres=postgres),
        permissions=permissions,
    )


def _create_accounts(
    settings: UsersSettings, guards: _Guards, *, postgres: Postgres, wake_relay: Callable[[], None]
) -> Accounts:
    return Accounts(
        postgres=postgres,
        passwords=guards.passwords,
        policy=guards.policy,
        authenticator=guards.authenticator,
        rate_limits=guards.rate_limits,
        first_account_admin=settings.first_account_admin,
        wake_relay=wake_relay,
    )


def _create_profiles(
    guards: _Guards, email_changes: EmailChanges, *, postgres: Postgres, wake_dispatcher: Callable[[], None]
) -> Profiles:
    return Profiles(
        postgres=postgres,
        reauthentication=guards.reauthentication,
        rate_limits=guards.rate_limits,
        email_changes=email_changes,
        wake_dispatcher=wake_dispatcher,
    )


def _create_logins(settings: UsersSettings, guards: _Guards, *, postgres: Postgres) -> Logins:
    return Logins(
        postgres=postgres,
        passwords=guards.passwords,
        authenticator=guards.authenticator,
        rate_limits=guards.rate_limits,
        revocations=guards.revocations,
        settings=settings.jwt,
    )


def _create_password_changes(
    guards: _Guards, *, postgres: Postgres, wake_dispatcher: Callable[[], None]
) -> PasswordChanges:
    return PasswordChanges(
        postgres=postgres,
        passwords=guards.passwords,
        policy=guards.policy,
        reauthentication=guards.reauthentication,
        rate_limits=guards.rate_limits,
        revocations=guards.revocations,
        wake_dispatcher=wake_dispatcher,
    )


def _add_jwks(app: FastAPI, ring: KeyRing | None, *, lead: timedelta) -> None:
    # Whoever keeps the keys for that long has fetched a new one before it signs.
    max_age = int(min(_JWKS_MAX_AGE, lead / 2).total_seconds())

    async def jwks() -> Response:
        headers = {"cache-control": f"public, max-age={max_age}"}
        return json_response(ring.jwks() if ring else {"keys": []}, headers=headers)

    app.add_api_route("/.well-known/jwks.json", jwks, summary="The keys that verify access tokens")

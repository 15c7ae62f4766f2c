"""The composition root of the orders service: the only place that builds clients and wires them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from starlette.types import ASGIApp

from subgraphs.kit.auth.remote_keys import remote_keys
from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import Job, running
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.grpc.client import open_channel
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.orders.graphql.context import OrdersContext
from subgraphs.orders.graphql.schema import schema
from subgraphs.orders.live import LiveStatus
from subgraphs.orders.loaders import Loaders
from subgraphs.orders.provider import SandboxProvider
from subgraphs.orders.rpc import GrpcAccounts, GrpcInventory
from subgraphs.orders.service import Cancelling, OrderService, Paying, Placing, Reading
from subgraphs.orders.settings import OrdersSettings
from subgraphs.orders.tables import outbox
from subgraphs.orders.worker import Worker
from subgraphs.orders.workflow import Workflow


@asynccontextmanager
async def open_app(settings: OrdersSettings) -> AsyncIterator[ASGIApp]:
    """The service with its background tasks: outbox relay, worker, live status."""
    async with AsyncExitStack() as stack:
        postgres = Postgres(settings.database, application="orders")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        keys = await stack.enter_async_context(remote_keys(settings))
        channel = open_channel(settings.services.products_grpc, settings.services)
        await stack.enter_async_context(channel)
        users = open_channel(settings.services.users_grpc, settings.services)
        await stack.enter_async_context(users)
        revocations = RedisRevocations(redis)
        accounts = GrpcAccounts(users, revocations)

        relay = OutboxRelay(postgres, redis, outbox)
        live = LiveStatus(redis, timeout=settings.redis.timeout.total_seconds())
        workflow = Workflow(
            postgres=postgres,
            inventory=GrpcInventory(channel),
            provider=SandboxProvider(postgres),
            clock=lambda: datetime.now(UTC),
            committed=relay.wake_up,
        )
        service = OrderService(
            reading=Reading(postgres=postgres),
            placing=Placing(
                postgres=postgres,
                workflow=workflow,
                accounts=accounts,
                payment_window=settings.payment_window,
            ),
            paying=Paying(postgres=postgres, workflow=workflow, accounts=accounts),
            cancelling=Cancelling(postgres=postgres, workflow=workflow),
        )
        background = (
            relay.job,
            Job(name="worker", run_once=Worker(workflow=workflow).run, every=1),
            Job(name="live_status", run_once=live.run, every=1),
        )
        await stack.enter_async_context(running(*background))

        def make_context(request: RequestInfo) -> OrdersContext:
            return OrdersContext(
                request=request, service=service, live=live, new_loaders=lambda: Loaders(postgres)
            )

        yield create_app(
            service="orders",
            settings=settings.server,
            schema=schema,
            verifier=TokenVerifier(keys, settings.jwt, revocations),
            make_context=make_context,
            checks={"postgres": postgres.ping, "redis": redis.ping},
        )

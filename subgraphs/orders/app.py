"""The composition root of the orders service: the only place that builds clients and wires them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from starlette.types import ASGIApp

from subgraphs.kit.auth.remote_keys import remote_keys
from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.background import WakeUp, running
from subgraphs.kit.events.connect import open_transport
from subgraphs.kit.events.consumer import Consumer
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import RequestInfo
from subgraphs.kit.grpc.client import open_channel
from subgraphs.kit.grpc.credentials import expiry_job
from subgraphs.kit.loop_lag import loop_lag_job
from subgraphs.kit.money import Amount
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.outbox import OutboxRelay
from subgraphs.kit.redis.client import create_redis
from subgraphs.orders.domain.events import READERS, SOURCE
from subgraphs.orders.domain.quotas import Quotas
from subgraphs.orders.domain.shipping import ShippingRate, ShippingRates
from subgraphs.orders.domain.webhooks import SOURCES, UrlRules
from subgraphs.orders.graphql.context import OrdersContext
from subgraphs.orders.graphql.loaders import Loaders
from subgraphs.orders.graphql.schema import schema
from subgraphs.orders.grpc.clients import GrpcAccounts, GrpcInventory
from subgraphs.orders.http.payment_webhooks import payment_webhook_routes
from subgraphs.orders.jobs.housekeeping import Housekeeping
from subgraphs.orders.jobs.late_refunds import RefundLateCaptures
from subgraphs.orders.jobs.measurement import MeasureOverdueOrders
from subgraphs.orders.jobs.payment_events import WorkOffPaymentEvents
from subgraphs.orders.jobs.resume import ResumeOrders
from subgraphs.orders.jobs.webhooks import DeliverWebhooks
from subgraphs.orders.live.states import OrderStates
from subgraphs.orders.live.status import LiveStatus
from subgraphs.orders.live.wake_ups import StatusWakeUps
from subgraphs.orders.payments.choice import open_provider
from subgraphs.orders.saga import Saga
from subgraphs.orders.service import (
    Amendments,
    Cancellations,
    Fulfilment,
    Orders,
    OrderService,
    Payments,
    PaymentWebhooks,
    Placement,
    Refunds,
    Reports,
    Webhooks,
)
from subgraphs.orders.settings import OrdersSettings, ShippingRateSettings, WebhookSettings
from subgraphs.orders.store.orders import count_transitions
from subgraphs.orders.store.tables import outbox
from subgraphs.orders.webhooks.recorder import CONSUMER, DeliveryRecorder
from subgraphs.orders.webhooks.sender import WebhookSender


@asynccontextmanager
async def open_reports(settings: OrdersSettings) -> AsyncIterator[Reports]:
    """What the `report` command works with."""
    postgres = Postgres(settings.database, application="orders-command")
    try:
        yield Reports(postgres=postgres)
    finally:
        await postgres.close()


@asynccontextmanager
async def open_app(settings: OrdersSettings) -> AsyncIterator[ASGIApp]:
    """The service with its background jobs: outbox relay, resumption of orders, housekeeping, live status, webhooks."""
    async with AsyncExitStack() as stack:
        postgres = Postgres(settings.database, application="orders")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        keys = await stack.enter_async_context(remote_keys(settings))
        products = open_channel(settings.services.products_grpc, settings.services)
        await stack.enter_async_context(products)
        users = open_channel(settings.services.users_grpc, settings.services)
        await stack.enter_async_context(users)
        revocations = RedisRevocations(redis)

        transport = await stack.enter_async_context(
            open_transport(settings, redis, readers={SOURCE: READERS})
        )
        publisher = StatusWakeUps(transport, redis) if settings.events.url else transport
        relay = OutboxRelay(postgres, publisher, outbox)
        live = LiveStatus(redis, settings.live, timeout=settings.redis.timeout.total_seconds())
        states = OrderStates(redis, lifetime=settings.state_cache) if settings.state_cache else None
        postgres.after_commit(count_transitions)
        if states:
            postgres.after_commit(states.observe)
        rates = shipping_rates(settings.shipping_rates)
        payments = await stack.enter_async_context(
            open_provider(settings.payments, postgres=postgres, clock=_now)
        )
        provider, refund_due, event_due = payments.provider, WakeUp(), WakeUp()
        saga = Saga(
            postgres=postgres,
            inventory=GrpcInventory(products),
            provider=provider,
            rates=rates,
            clock=_now,
            wake_up=relay.wake_up,
            refund_due=refund_due,
        )
        deliver = await stack.enter_async_context(_delivering(postgres, settings.webhooks))
        recorder = DeliveryRecorder(postgres=postgres, clock=_now, wake_up=deliver.wake_up)
        consumers = [
            Consumer(transport, recorder.handle, source=source, group=CONSUMER) for source in SOURCES
        ]
        for consumer in consumers:
            stack.push_async_callback(consumer.close)
        accounts = GrpcAccounts(users, revocations)
        service = OrderService(
            orders=Orders(postgres=postgres, states=states),
            placement=Placement(
                postgres=postgres,
                saga=saga,
                accounts=accounts,
                clock=_now,
                wake_up=relay.wake_up,
                payment_window=settings.payment_window,
                rates=rates,
                quotas=Quotas(**settings.quota.model_dump()),
            ),
            payments=Payments(
                postgres=postgres,
                saga=saga,
                provider=provider,
                accounts=accounts,
                clock=_now,
                wake_up=relay.wake_up,
            ),
            amendments=Amendments(postgres=postgres, rates=rates, clock=_now),
            cancellations=Cancellations(postgres=postgres, saga=saga, clock=_now, wake_up=relay.wake_up),
            fulfilment=Fulfilment(postgres=postgres, clock=_now, wake_up=relay.wake_up),
            refunds=Refunds(postgres=postgres, saga=saga, clock=_now),
            reports=Reports(postgres=postgres),
            webhooks=Webhooks(
                postgres=postgres,
                clock=_now,
                wake_up=deliver.wake_up,
                rules=url_rules(settings.webhooks),
                most=settings.webhooks.most,
                overlap=settings.webhooks.overlap,
            ),
        )
        webhooks = PaymentWebhooks(
            postgres=postgres, saga=saga, provider=provider, clock=_now, wake_up=event_due
        )
        await stack.enter_async_context(
            running(
                relay.job,
                relay.measuring,
                loop_lag_job(),
                expiry_job(settings.services),
                MeasureOverdueOrders(postgres=postgres, clock=_now).job,
                ResumeOrders(postgres=postgres, saga=saga, clock=_now).job,
                WorkOffPaymentEvents(postgres=postgres, webhooks=webhooks, clock=_now, wake_up=event_due).job,
                RefundLateCaptures(postgres=postgres, saga=saga, clock=_now, wake_up=refund_due).job,
                *payments.jobs,
                Housekeeping(postgres=postgres, settings=settings.retention, clock=_now).job,
                live.job,
                deliver.job,
                *(job for consumer in consumers for job in consumer.jobs),
                *([states.job] if states else []),
            )
        )

        def make_context(request: RequestInfo) -> OrdersContext:
            return OrdersContext(
                request=request, service=service, live=live, new_loaders=lambda: Loaders(service)
            )

        yield create_app(
            service="orders",
            settings=settings.server,
            schema=schema,
            verifier=TokenVerifier(keys, settings.jwt, revocations),
            make_context=make_context,
            checks={"postgres": postgres.ping, "redis": redis.ping},
            add_routes=payment_webhook_routes(webhooks),
        )


@asynccontextmanager
async def _delivering(postgres: Postgres, settings: WebhookSettings) -> AsyncIterator[DeliverWebhooks]:
    """The job that sends to webhooks; what it is sending at the end is left to other processes."""
    async with WebhookSender(url_rules(settings), timeout=settings.timeout) as sender:
        deliver = DeliverWebhooks(postgres=postgres, sender=sender, settings=settings, clock=_now)
        try:
            yield deliver
        finally:
            await deliver.close()


def url_rules(settings: WebhookSettings) -> UrlRules:
    return UrlRules(
        allow_http=settings.allow_http, allow_private=settings.allow_private, ports=settings.ports
    )


def _now() -> datetime:
    return datetime.now(UTC)


def shipping_rates(settings: Iterable[ShippingRateSettings]) -> ShippingRates:
    """The table of shipping costs that `settings` write."""
    return ShippingRates(
        tuple(
            ShippingRate(
                method=rate.method,
                country=rate.country,
                costs={currency: Amount.parse(cost, currency) for currency, cost in rate.costs.items()},
            )
            for rate in settings
        )
    )

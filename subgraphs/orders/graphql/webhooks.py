"""Webhooks as staff see them."""

from datetime import datetime
from typing import Self

import strawberry

from subgraphs.kit.graphql.bounds import max_length
from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.pagination import DEFAULT_PAGE
from subgraphs.orders.domain import webhooks
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.enums import DeliveryStatus
from subgraphs.orders.graphql.inputs import Cursor

_URL = max_length(2 * webhooks.MAX_URL)
_EVENT_TYPES = max_length(100, items=100)


@strawberry.type(description="An address that is told of events, signed with a secret that only it knows.")
class Webhook:
    id: strawberry.ID
    url: str
    event_types: list[str]
    enabled: bool
    disabled_reason: str | None = strawberry.field(description="Why it is not called.")
    failing_since: datetime | None = strawberry.field(
        description="When the first failure came after the last success. After some days of nothing else it is disabled."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, webhook: webhooks.Webhook) -> Self:
        return cls(
            id=strawberry.ID(webhook.id),
            url=webhook.url,
            event_types=list(webhook.event_types),
            enabled=webhook.enabled,
            disabled_reason=webhook.disabled_reason,
            failing_since=webhook.failing_since,
            created_at=webhook.created_at,
            updated_at=webhook.updated_at,
        )


@strawberry.type(description="One attempt to send a delivery.")
class WebhookAttempt:
    at: datetime
    duration_ms: int
    status: int | None = strawberry.field(
        description="Of the answer in HTTP; none where there was no answer."
    )
    response: str | None = strawberry.field(description="The begin of the answer.")
    error: str | None = strawberry.field(description="Why there was no answer.")

    @classmethod
    def of(cls, attempt: webhooks.Attempt) -> Self:
        return cls(
            at=attempt.at,
            duration_ms=round(attempt.duration.total_seconds() * 1000),
            status=attempt.status,
            response=attempt.response,
            error=attempt.error,
        )


@strawberry.type(description="One event on its way to a webhook.")
class WebhookDelivery:
    id: strawberry.ID
    message_id: strawberry.ID = strawberry.field(
        description="The header `webhook-id`: the same each time it is sent."
    )
    event_type: str
    body: str
    status: DeliveryStatus
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None

    @strawberry.field(description="Oldest first.")
    async def attempts(self, info: Info) -> list[WebhookAttempt]:
        found = await info.context.loaders.webhook_attempts.load(webhooks.DeliveryId(self.id))
        return [WebhookAttempt.of(attempt) for attempt in found]

    @classmethod
    def of(cls, delivery: webhooks.Delivery) -> Self:
        return cls(
            id=strawberry.ID(delivery.id),
            message_id=strawberry.ID(delivery.message_id),
            event_type=delivery.event_type,
            body=delivery.body,
            status=delivery.status,
            created_at=delivery.created_at,
            next_attempt_at=delivery.next_attempt_at,
            delivered_at=delivery.delivered_at,
        )


@strawberry.input
class CreateWebhookInput:
    url: str = strawberry.field(metadata=_URL)
    event_types: list[str] = strawberry.field(
        description=f"One or more of {', '.join(webhooks.EVENT_TYPES)}.", metadata=_EVENT_TYPES
    )


@strawberry.input(description="Changes to a webhook. What is absent or null stays as it is.")
class UpdateWebhookInput:
    url: str | None = strawberry.field(default=None, metadata=_URL)
    event_types: list[str] | None = strawberry.field(default=None, metadata=_EVENT_TYPES)
    enabled: bool | None = None


@strawberry.type
class WebhookQueries:
    @strawberry.field(description="All webhooks. Needs MANAGE_ORDERS.")
    async def webhooks(self, info: Info) -> list[Webhook]:
        return [Webhook.of(w) for w in await info.context.service.webhooks.all(info.context.viewer)]

    @strawberry.field(description="What was sent to a webhook, newest first. Needs MANAGE_ORDERS.")
    async def webhook_deliveries(
        self,
        info: Info,
        webhook_id: strawberry.ID,
        status: DeliveryStatus | None = None,
        first: int | None = DEFAULT_PAGE,
        after: Cursor = None,
    ) -> Connection[WebhookDelivery]:
        page = await info.context.service.webhooks.deliveries(
            info.context.viewer, webhook_id, status=status, first=first, after=after
        )
        return Connection.of(page, WebhookDelivery.of)

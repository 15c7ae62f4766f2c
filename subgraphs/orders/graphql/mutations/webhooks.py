"""Registering webhooks, and sending to them again. All need MANAGE_ORDERS."""

from typing import Annotated

import strawberry

from subgraphs.kit.graphql.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
    errors_as_data,
)
from subgraphs.orders.graphql.context import Info
from subgraphs.orders.graphql.webhooks import (
    CreateWebhookInput,
    UpdateWebhookInput,
    Webhook,
    WebhookDelivery,
)

_SECRET = "Signs what is sent; shown this once."  # noqa: S105 - a description


@strawberry.type
class CreateWebhookSuccess:
    webhook: Webhook
    secret: str = strawberry.field(description=_SECRET)


@strawberry.type
class UpdateWebhookSuccess:
    webhook: Webhook


@strawberry.type
class DeleteWebhookSuccess:
    id: strawberry.ID


@strawberry.type
class RotateWebhookSecretSuccess:
    webhook: Webhook
    secret: str = strawberry.field(description=_SECRET)


@strawberry.type
class SendTestEventSuccess:
    delivery: WebhookDelivery


@strawberry.type
class ReplayWebhookDeliverySuccess:
    delivery: WebhookDelivery


CreateWebhookResult = Annotated[
    CreateWebhookSuccess | ValidationError | ConflictError | AuthenticationError | PermissionDeniedError,
    strawberry.union("CreateWebhookResult"),
]
UpdateWebhookResult = Annotated[
    UpdateWebhookSuccess | ValidationError | NotFoundError | AuthenticationError | PermissionDeniedError,
    strawberry.union("UpdateWebhookResult"),
]
DeleteWebhookResult = Annotated[
    DeleteWebhookSuccess | NotFoundError | AuthenticationError | PermissionDeniedError,
    strawberry.union("DeleteWebhookResult"),
]
RotateWebhookSecretResult = Annotated[
    RotateWebhookSecretSuccess | NotFoundError | AuthenticationError | PermissionDeniedError,
    strawberry.union("RotateWebhookSecretResult"),
]
SendTestEventResult = Annotated[
    SendTestEventSuccess | NotFoundError | ConflictError | AuthenticationError | PermissionDeniedError,
    strawberry.union("SendTestEventResult"),
]
ReplayWebhookDeliveryResult = Annotated[
    ReplayWebhookDeliverySuccess
    | NotFoundError
    | ConflictError
    | AuthenticationError
    | PermissionDeniedError,
    strawberry.union("ReplayWebhookDeliveryResult"),
]


@strawberry.type
class WebhookMutations:
    @strawberry.mutation(description="Have events told to a URL from now on. Needs MANAGE_ORDERS.")
    @errors_as_data
    async def create_webhook(self, info: Info, input: CreateWebhookInput) -> CreateWebhookResult:
        created = await info.context.service.webhooks.create(
            info.context.viewer, url=input.url, event_types=input.event_types
        )
        return CreateWebhookSuccess(webhook=Webhook.of(created), secret=created.secret)

    @strawberry.mutation(
        description="Change a webhook. Enabled again, it gets what waits for it. Needs MANAGE_ORDERS."
    )
    @errors_as_data
    async def update_webhook(
        self, info: Info, id: strawberry.ID, input: UpdateWebhookInput
    ) -> UpdateWebhookResult:
        updated = await info.context.service.webhooks.update(
            info.context.viewer, id, url=input.url, event_types=input.event_types, enabled=input.enabled
        )
        return UpdateWebhookSuccess(webhook=Webhook.of(updated))

    @strawberry.mutation(description="Delete a webhook and its deliveries. Needs MANAGE_ORDERS.")
    @errors_as_data
    async def delete_webhook(self, info: Info, id: strawberry.ID) -> DeleteWebhookResult:
        await info.context.service.webhooks.delete(info.context.viewer, id)
        return DeleteWebhookSuccess(id=id)

    @strawberry.mutation(
        description="Give a webhook a new secret; the old one signs beside it for a day. Needs MANAGE_ORDERS."
    )
    @errors_as_data
    async def rotate_webhook_secret(self, info: Info, id: strawberry.ID) -> RotateWebhookSecretResult:
        rotated = await info.context.service.webhooks.rotate_secret(info.context.viewer, id)
        return RotateWebhookSecretSuccess(webhook=Webhook.of(rotated), secret=rotated.secret)

    @strawberry.mutation(description="Send an event of type WebhookTest to a webhook. Needs MANAGE_ORDERS.")
    @errors_as_data
    async def send_test_event(self, info: Info, webhook_id: strawberry.ID) -> SendTestEventResult:
        delivery = await info.context.service.webhooks.send_test_event(info.context.viewer, webhook_id)
        return SendTestEventSuccess(delivery=WebhookDelivery.of(delivery))

    @strawberry.mutation(description="Send a delivery once more, under the same id. Needs MANAGE_ORDERS.")
    @errors_as_data
    async def replay_webhook_delivery(self, info: Info, id: strawberry.ID) -> ReplayWebhookDeliveryResult:
        delivery = await info.context.service.webhooks.replay(info.context.viewer, id)
        return ReplayWebhookDeliverySuccess(delivery=WebhookDelivery.of(delivery))

"""Webhooks as staff register them."""

from datetime import datetime
from typing import Any

from sqlalchemy import any_, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id
from subgraphs.orders.domain.webhooks import Webhook, WebhookId
from subgraphs.orders.store.tables import webhooks

_ONE_AT_A_TIME = func.pg_advisory_xact_lock(func.hashtext("webhooks"))


class WebhookStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> list[Webhook]:
        """Oldest first."""
        rows = await self._connection.execute(select(webhooks).order_by(webhooks.c.id))
        return [_to_webhook(row) for row in rows]

    async def get(self, webhook_id: str) -> Webhook | None:
        if not is_id(webhook_id):
            return None
        row = (await self._connection.execute(select(webhooks).where(webhooks.c.id == webhook_id))).first()
        return None if row is None else _to_webhook(row)

    async def subscribed_to(self, event_type: str) -> list[WebhookId]:
        """The enabled webhooks that want events of this type."""
        query = select(webhooks.c.id).where(
            webhooks.c.enabled, literal(event_type) == any_(webhooks.c.event_types)
        )
        return [WebhookId(i) for i in (await self._connection.execute(query)).scalars()]

    async def count(self) -> int:
        """How many there are, of which nobody adds another before the transaction ends."""
        await self._connection.execute(select(_ONE_AT_A_TIME))
        return int((await self._connection.execute(select(func.count()).select_from(webhooks))).scalar_one())

    async def add(self, webhook: Webhook) -> None:
        row = {name: getattr(webhook, name) for name in webhooks.c.keys()}  # noqa: SIM118 - of a collection of columns
        await self._connection.execute(insert(webhooks).values({**row, "event_types": [*row["event_types"]]}))

    async def change(self, webhook_id: str, *, now: datetime, **columns: Any) -> Webhook | None:
        """The webhook with new `columns`; None where there is none."""
        if not is_id(webhook_id):
            return None
        statement = (
            update(webhooks)
            .where(webhooks.c.id == webhook_id)
            .values(updated_at=now, **columns)
            .returning(*webhooks.c)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _to_webhook(row)

    async def remove(self, webhook_id: str) -> bool:
        """Whether it was there. Its deliveries go with it."""
        if not is_id(webhook_id):
            return False
        removed = await self._connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))
        return removed.rowcount == 1

    async def succeeded(self, webhook_id: WebhookId) -> None:
        statement = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.failing_since.is_not(None))
        await self._connection.execute(statement.values(failing_since=None))

    async def failed(self, webhook_id: WebhookId, *, now: datetime) -> datetime | None:
        """Since when nothing but failures came; None where the webhook is gone or disabled."""
        statement = (
            update(webhooks)
            .where(webhooks.c.id == webhook_id, webhooks.c.enabled)
            .values(failing_since=func.coalesce(webhooks.c.failing_since, now))
            .returning(webhooks.c.failing_since)
        )
        since: datetime | None = (await self._connection.execute(statement)).scalar_one_or_none()
        return since

    async def disable(self, webhook_id: WebhookId, *, reason: str, now: datetime) -> None:
        await self.change(webhook_id, now=now, enabled=False, disabled_reason=reason)


def _to_webhook(row: Any) -> Webhook:
    return Webhook(
        id=WebhookId(row.id),
        url=row.url,
        event_types=tuple(row.event_types),
        secret=row.secret,
        previous_secret=row.previous_secret,
        previous_secret_until=row.previous_secret_until,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )

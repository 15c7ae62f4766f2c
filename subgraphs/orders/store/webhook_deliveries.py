"""Deliveries of events to webhooks, and the log of their attempts."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, any_, bindparam, delete, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id, new_id
from subgraphs.orders.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryPage,
    DeliveryStatus,
    WebhookId,
)
from subgraphs.orders.store.keys import any_of, known_ids
from subgraphs.orders.store.tables import webhook_attempts, webhook_deliveries, webhooks

_COLUMNS = webhook_deliveries.c


class WebhookDeliveryStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, webhook_ids: Sequence[WebhookId], *, message_id: str, event_type: str, body: str, now: datetime
    ) -> list[Delivery]:
        """One delivery to each webhook, due at once."""
        rows = [
            {
                "id": new_id(),
                "webhook_id": webhook_id,
                "message_id": message_id,
                "event_type": event_type,
                "body": body,
                "status": DeliveryStatus.PENDING.value,
                "next_attempt_at": now,
                "created_at": now,
            }
            for webhook_id in webhook_ids
        ]
        if not rows:
            return []
        added = await self._connection.execute(
            insert(webhook_deliveries).returning(*_COLUMNS, sort_by_parameter_order=True), rows
        )
        return [_to_delivery(row) for row in added]

    async def get(self, delivery_id: str) -> Delivery | None:
        if not is_id(delivery_id):
            return None
        query = select(webhook_deliveries).where(_COLUMNS.id == delivery_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else _to_delivery(row)

    async def newest(
        self, webhook_id: WebhookId, page: DeliveryPage, *, status: DeliveryStatus | None
    ) -> list[Delivery]:
        """The deliveries of one page, newest first, and the one after them."""
        query = select(webhook_deliveries).where(*_criteria(webhook_id, status))
        if page.before is not None:
            query = query.where(_COLUMNS.id < page.before)
        rows = await self._connection.execute(query.order_by(_COLUMNS.id.desc()).limit(page.size + 1))
        return [_to_delivery(row) for row in rows]

    async def count(self, webhook_id: WebhookId, *, status: DeliveryStatus | None) -> int:
        query = select(func.count()).select_from(webhook_deliveries).where(*_criteria(webhook_id, status))
        return int((await self._connection.execute(query)).scalar_one())

    async def attempts_of(self, delivery_ids: Sequence[DeliveryId]) -> list[list[Attempt]]:
        """The attempts of each delivery, oldest first, in one query."""
        query = (
            select(webhook_attempts)
            .where(webhook_attempts.c.delivery_id == any_of("ids"))
            .order_by(webhook_attempts.c.id)
        )
        found: defaultdict[str, list[Attempt]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": known_ids(delivery_ids)}):
            found[row.delivery_id].append(_to_attempt(row))
        return [found[i] for i in delivery_ids]

    async def claim(
        self, *, now: datetime, lease: timedelta, limit: int, of_one: int, busy: Sequence[WebhookId]
    ) -> list[Delivery]:
        """Due deliveries of enabled webhooks but the `busy` ones, leased to the caller; `of_one` of each at most."""
        due = (
            select(_COLUMNS.id)
            .where(_COLUMNS.webhook_id == webhooks.c.id, _COLUMNS.next_attempt_at <= now)
            .order_by(_COLUMNS.next_attempt_at)
            .limit(of_one)
            .with_for_update(skip_locked=True)
            .lateral("due")
        )
        chosen = (
            select(due.c.id)
            .select_from(webhooks.join(due, true()))
            .where(webhooks.c.enabled, ~(webhooks.c.id == any_(bindparam("busy", type_=ARRAY(Text())))))
            .limit(limit)
            .cte("chosen")
        )
        statement = (
            update(webhook_deliveries)
            .where(_COLUMNS.id == chosen.c.id)
            .values(next_attempt_at=now + lease, attempts=_COLUMNS.attempts + 1)
            .returning(*_COLUMNS)
        )
        return [_to_delivery(row) for row in await self._connection.execute(statement, {"busy": [*busy]})]

    async def record(
        self,
        delivery: Delivery,
        attempt: Attempt,
        *,
        status: DeliveryStatus,
        next_attempt_at: datetime | None,
    ) -> bool:
        """Note an attempt and what follows from it; False where the delivery is gone, or somebody else's by now."""
        changed = await self._connection.execute(
            update(webhook_deliveries)
            .where(
                _COLUMNS.id == delivery.id,
                _COLUMNS.attempts == delivery.attempts,
                _COLUMNS.status == DeliveryStatus.PENDING.value,
            )
            .values(
                status=status.value,
                next_attempt_at=next_attempt_at,
                delivered_at=attempt.at + attempt.duration if status is DeliveryStatus.DELIVERED else None,
            )
        )
        if not changed.rowcount:
            return False
        row = {
            "id": new_id(),
            "delivery_id": delivery.id,
            "at": attempt.at,
            "duration_ms": round(attempt.duration.total_seconds() * 1000),
            "status": attempt.status,
            "response": attempt.response,
            "error": attempt.error,
        }
        await self._connection.execute(insert(webhook_attempts).values(row))
        return True

    async def replay(self, delivery_id: DeliveryId, *, now: datetime) -> Delivery | None:
        """A settled delivery, due once more; None for one that is on its way."""
        statement = (
            update(webhook_deliveries)
            .where(_COLUMNS.id == delivery_id, _COLUMNS.status != DeliveryStatus.PENDING.value)
            .values(status=DeliveryStatus.PENDING.value, attempts=0, next_attempt_at=now, delivered_at=None)
            .returning(*_COLUMNS)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _to_delivery(row)

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` deliveries that were written before that time, the oldest first. Returns how many."""
        oldest = (
            select(_COLUMNS.id)
            .where(_COLUMNS.created_at < before)
            .order_by(_COLUMNS.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("oldest")
        )
        statement = delete(webhook_deliveries).where(_COLUMNS.id == oldest.c.id)
        return (await self._connection.execute(statement)).rowcount


def _criteria(webhook_id: WebhookId, status: DeliveryStatus | None) -> list[Any]:
    return [
        _COLUMNS.webhook_id == webhook_id,
        *([] if status is None else [_COLUMNS.status == status.value]),
    ]


def _to_delivery(row: Any) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        webhook_id=WebhookId(row.webhook_id),
        message_id=row.message_id,
        event_type=row.event_type,
        body=row.body,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
    )


def _to_attempt(row: Any) -> Attempt:
    return Attempt(
        at=row.at,
        duration=timedelta(milliseconds=row.duration_ms),
        status=row.status,
        response=row.response,
        error=row.error,
    )

"""The queue of e-mails to be sent: the table `letters`."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import new_id
from subgraphs.kit.money import Amount
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.email import EmailKind, EmailOutcome, OrderNotice, QueuedEmail
from subgraphs.users.store.tables import email_queue


class EmailQueueStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self,
        kind: EmailKind,
        *,
        recipient: str,
        device: Device,
        change_id: str | None = None,
        order: OrderNotice | None = None,
    ) -> None:
        """Queue an e-mail, in the caller's transaction."""
        await self._connection.execute(
            insert(email_queue).values(
                id=new_id(),
                kind=kind,
                recipient=recipient,
                user_agent=device.user_agent,
                address=device.address,
                change_id=change_id,
                order_notice=asdict(order) if order else None,
            )
        )

    async def claim(self, *, limit: int, lease: timedelta) -> list[QueuedEmail]:
        """E-mails that are due. They are due again after `lease`, unless they are settled before.

        Processes that claim at once get different ones, and one that dies loses none.
        """
        due = (
            select(email_queue.c.id)
            .where(email_queue.c.done_at.is_(None), email_queue.c.next_attempt_at <= func.now())
            .order_by(email_queue.c.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(email_queue)
            .where(email_queue.c.id.in_(due.scalar_subquery()))
            .values(attempts=email_queue.c.attempts + 1, next_attempt_at=func.now() + lease)
            .returning(email_queue)
        )
        rows = (await self._connection.execute(statement)).all()
        return [_email(row) for row in sorted(rows, key=lambda row: str(row.id))]

    async def waiting(self) -> tuple[int, float]:
        """How many e-mails are not done with, and the age of the oldest of them in seconds."""
        age = func.extract("epoch", func.now() - func.min(email_queue.c.created_at))
        statement = select(func.count(), age).where(email_queue.c.done_at.is_(None))
        count, oldest = (await self._connection.execute(statement)).one()
        return int(count), max(0.0, float(oldest or 0))

    async def settle(self, email: QueuedEmail, outcome: EmailOutcome) -> None:
        await self._connection.execute(
            update(email_queue)
            .where(email_queue.c.id == email.id)
            .values(done_at=func.now(), outcome=outcome)
        )

    async def postpone(self, email: QueuedEmail, *, by: timedelta) -> None:
        await self._connection.execute(
            update(email_queue)
            .where(email_queue.c.id == email.id, email_queue.c.done_at.is_(None))
            .values(next_attempt_at=func.now() + by)
        )

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` e-mails that have been done with for that long; returns how many."""
        old = (
            select(email_queue.c.id)
            .where(email_queue.c.done_at < func.now() - older_than)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self._connection.execute(delete(email_queue).where(email_queue.c.id.in_(old)))).rowcount


def _email(row: Any) -> QueuedEmail:
    return QueuedEmail(
        id=row.id,
        kind=EmailKind(row.kind),
        recipient=row.recipient,
        device=Device(user_agent=row.user_agent, address=row.address),
        change_id=row.change_id,
        order=_order_notice(row.order_notice),
        created_at=row.created_at,
        attempts=row.attempts,
    )


def _order_notice(document: Any) -> OrderNotice | None:
    return document and OrderNotice(**{**document, "amount": Amount(**document["amount"])})

"""Letters that are owed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import new_id
from subgraphs.users.domain import Device
from subgraphs.users.store.tables import letters


class LetterKind(StrEnum):
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - a kind of letter
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - same
    EMAIL_CHANGED = "EMAIL_CHANGED"


class LetterOutcome(StrEnum):
    SENT = "SENT"
    NOT_NEEDED = "NOT_NEEDED"
    GIVEN_UP = "GIVEN_UP"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedLetter:
    id: str
    kind: LetterKind
    recipient: str
    device: Device
    created_at: datetime
    attempts: int


class LetterStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def owe(self, kind: LetterKind, *, recipient: str, device: Device) -> None:
        """Promise a letter, in the caller's transaction."""
        await self._connection.execute(
            insert(letters).values(
                id=new_id(),
                kind=kind,
                recipient=recipient,
                user_agent=device.user_agent,
                address=device.address,
            )
        )

    async def claim(self, *, limit: int, lease: timedelta) -> list[OwedLetter]:
        """Letters whose time has come. They come again after `lease`, unless they are settled before.

        Processes that claim at once get different ones, and one that dies with a letter loses none.
        """
        due = (
            select(letters.c.id)
            .where(letters.c.done_at.is_(None), letters.c.next_attempt_at <= func.now())
            .order_by(letters.c.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(letters)
            .where(letters.c.id.in_(due.scalar_subquery()))
            .values(attempts=letters.c.attempts + 1, next_attempt_at=func.now() + lease)
            .returning(letters)
        )
        rows = (await self._connection.execute(statement)).all()
        return [_letter(row) for row in sorted(rows, key=lambda row: str(row.id))]

    async def settle(self, letter: OwedLetter, outcome: LetterOutcome) -> None:
        await self._connection.execute(
            update(letters).where(letters.c.id == letter.id).values(done_at=func.now(), outcome=outcome)
        )

    async def postpone(self, letter: OwedLetter, *, by: timedelta) -> None:
        await self._connection.execute(
            update(letters)
            .where(letters.c.id == letter.id, letters.c.done_at.is_(None))
            .values(next_attempt_at=func.now() + by)
        )

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` letters that have been done with for that long; returns how many."""
        old = select(letters.c.id).where(letters.c.done_at < func.now() - older_than).limit(limit)
        return (await self._connection.execute(delete(letters).where(letters.c.id.in_(old)))).rowcount


def _letter(row: Any) -> OwedLetter:
    return OwedLetter(
        id=row.id,
        kind=LetterKind(row.kind),
        recipient=row.recipient,
        device=Device(user_agent=row.user_agent, address=row.address),
        created_at=row.created_at,
        attempts=row.attempts,
    )

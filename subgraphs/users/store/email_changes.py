"""Changes of e-mail addresses that are not confirmed yet, by the clock of the database."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import new_id
from subgraphs.users.domain.session import SessionId
from subgraphs.users.domain.user import UserId, unique_key
from subgraphs.users.store.tables import email_changes

_LIVE = email_changes.c.ended_at.is_(None) & (email_changes.c.expires_at > func.now())
_COLUMNS = (email_changes.c.user_id, email_changes.c.email, email_changes.c.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChange:
    """`session_id` asked that the account `user_id` has the address `email`."""

    user_id: UserId
    email: str
    session_id: SessionId | None


class EmailChangeStore:
    """At most one change of an account is alive: the one that was asked for last."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(
        self, user_id: UserId, email: str, *, session_id: SessionId | None, life: timedelta
    ) -> str:
        """Put a change in the place of any before it; returns its id. The caller has locked the account."""
        await self.end_all(user_id)
        change_id = new_id()
        await self._connection.execute(
            insert(email_changes).values(
                id=change_id,
                user_id=user_id,
                email=email,
                email_key=unique_key(email),
                session_id=session_id,
                expires_at=func.now() + life,
            )
        )
        return change_id

    async def issue_token(
        self, change_id: str, token_hash: bytes, *, life: timedelta, most: int
    ) -> UserId | None:
        """Give the change a token, which replaces any before it and is good for `life`; whose account it is.

        None for a change that is not alive, or where `most` others with a token are for the same address.
        """
        wanted = select(email_changes.c.email_key).where(email_changes.c.id == change_id).scalar_subquery()
        others = select(func.count()).where(
            email_changes.c.email_key == wanted,
            email_changes.c.id != change_id,
            email_changes.c.token_hash.is_not(None),
            email_changes.c.expires_at > func.now(),
        )
        if (await self._connection.execute(others)).scalar_one() >= most:
            return None
        statement = (
            update(email_changes)
            .where(email_changes.c.id == change_id, _LIVE)
            .values(token_hash=token_hash, expires_at=func.now() + life)
            .returning(email_changes.c.user_id)
        )
        user_id: UserId | None = (await self._connection.execute(statement)).scalar_one_or_none()
        return user_id

    async def revoke_token(self, token_hash: bytes) -> None:
        """Take a token back that did not reach anyone; its change stays."""
        await self._connection.execute(
            update(email_changes).where(email_changes.c.token_hash == token_hash).values(token_hash=None)
        )

    async def find(self, token_hash: bytes) -> EmailChange | None:
        """The live change that the token confirms."""
        query = select(*_COLUMNS).where(email_changes.c.token_hash == token_hash, _LIVE)
        return _change((await self._connection.execute(query)).one_or_none())

    async def use(self, token_hash: bytes) -> EmailChange | None:
        """End the live change of the token; of any number that use the same at once, one gets it."""
        statement = (
            update(email_changes)
            .where(email_changes.c.token_hash == token_hash, _LIVE)
            .values(ended_at=func.now())
            .returning(*_COLUMNS)
        )
        return _change((await self._connection.execute(statement)).one_or_none())

    async def end_all(self, user_id: UserId) -> None:
        """End every change of the account."""
        await self._connection.execute(
            update(email_changes).where(email_changes.c.user_id == user_id, _LIVE).values(ended_at=func.now())
        )

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` changes that have been over for that long; returns how many."""
        old = (
            select(email_changes.c.id)
            .where(email_changes.c.expires_at < func.now() - older_than)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (
            await self._connection.execute(delete(email_changes).where(email_changes.c.id.in_(old)))
        ).rowcount


def _change(row: Any) -> EmailChange | None:
    if row is None:
        return None
    session_id = SessionId(row.session_id) if row.session_id else None
    return EmailChange(user_id=UserId(row.user_id), email=row.email, session_id=session_id)

"""Resets of passwords in the database, as hashes of their tokens."""

from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.users.domain.user import UserId
from subgraphs.users.store.tables import password_resets

_LIVE = password_resets.c.ended_at.is_(None) & (password_resets.c.expires_at > func.now())


class PasswordResetStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, user_id: UserId, token_hash: bytes, *, life: timedelta, most: int) -> bool:
        """Add a token, unless the account has as many as `most` that are alive; whether it was added.

        The caller has locked the account, or of many that count at once each would find room.
        """
        alive = select(func.count()).where(password_resets.c.user_id == user_id, _LIVE)
        if (await self._connection.execute(alive)).scalar_one() >= most:
            return False
        await self._connection.execute(
            insert(password_resets).values(
                token_hash=token_hash, user_id=user_id, expires_at=func.now() + life
            )
        )
        return True

    async def owner(self, token_hash: bytes) -> UserId | None:
        """Whose password the token resets; None for one that is not alive."""
        query = select(password_resets.c.user_id).where(password_resets.c.token_hash == token_hash, _LIVE)
        user_id: UserId | None = (await self._connection.execute(query)).scalar_one_or_none()
        return user_id

    async def use(self, token_hash: bytes) -> UserId | None:
        """End a live token; of any number that use the same at once, one hears whose it was."""
        statement = (
            update(password_resets)
            .where(password_resets.c.token_hash == token_hash, _LIVE)
            .values(ended_at=func.now())
            .returning(password_resets.c.user_id)
        )
        user_id: UserId | None = (await self._connection.execute(statement)).scalar_one_or_none()
        return user_id

    async def end_all(self, user_id: UserId) -> None:
        """End every token of the account: its password or its address is not what it was."""
        await self._connection.execute(
            update(password_resets)
            .where(password_resets.c.user_id == user_id, _LIVE)
            .values(ended_at=func.now())
        )

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` tokens that have been worth nothing for that long; returns how many."""
        old = (
            select(password_resets.c.token_hash)
            .where(password_resets.c.expires_at < func.now() - older_than)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = delete(password_resets).where(password_resets.c.token_hash.in_(old))
        return (await self._connection.execute(statement)).rowcount

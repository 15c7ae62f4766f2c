"""Sessions in the database, by the clock of the database: the one clock that all processes share."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id, new_id
from subgraphs.users.domain import Device, Session, SessionId, UserId
from subgraphs.users.refresh_tokens import RefreshToken
from subgraphs.users.store.tables import sessions

_COLUMNS = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.user_agent,
    sessions.c.address,
    sessions.c.created_at,
    sessions.c.last_used_at,
    sessions.c.expires_at,
)
_LIVE = sessions.c.ended_at.is_(None) & (sessions.c.expires_at > func.now())


class SessionStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(
        self, user_id: UserId, token: RefreshToken, *, device: Device, lifetime: timedelta
    ) -> Session:
        statement = (
            insert(sessions)
            .values(
                id=new_id(),
                user_id=user_id,
                family_hash=token.family_hash,
                token_hash=token.secret_hash,
                user_agent=device.user_agent,
                address=device.address,
                expires_at=func.now() + lifetime,
            )
            .returning(*_COLUMNS)
        )
        return _session((await self._connection.execute(statement)).one())

    async def rotate(
        self, token: RefreshToken, successor: RefreshToken, *, device: Device, lifetime: timedelta
    ) -> Session | None:
        """Put `successor` in the place of `token`, if that is the current token of a live session.

        One conditional UPDATE: of any number that present the same token, one gets a row.
        """
        statement = (
            update(sessions)
            .where(
                sessions.c.family_hash == token.family_hash,
                sessions.c.token_hash == token.secret_hash,
                _LIVE,
            )
            .values(
                token_hash=successor.secret_hash,
                previous_hash=token.secret_hash,
                sealed_token=token.seal(successor),
                rotated_at=func.now(),
                last_used_at=func.now(),
                expires_at=func.now() + lifetime,
                user_agent=device.user_agent,
                address=device.address,
            )
            .returning(*_COLUMNS)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return _session(row) if row else None

    async def replay(self, token: RefreshToken, *, grace: timedelta) -> tuple[Session, RefreshToken] | None:
        """The session and the successor of `token`, if `token` was rotated out within `grace`."""
        query = select(*_COLUMNS, sessions.c.sealed_token).where(
            sessions.c.family_hash == token.family_hash,
            sessions.c.previous_hash == token.secret_hash,
            sessions.c.rotated_at > func.now() - grace,
            _LIVE,
        )
        row = (await self._connection.execute(query)).one_or_none()
        return (_session(row), token.unseal(row.sealed_token)) if row else None

    async def end_reused(self, token: RefreshToken) -> Session | None:
        """End the live session of `token`'s family, unless `token` is its current one."""
        return await self._end(
            (sessions.c.family_hash == token.family_hash) & (sessions.c.token_hash != token.secret_hash)
        )

    async def end(self, session_id: str) -> Session | None:
        """End a live session; None when there is none of that id."""
        return await self._end(sessions.c.id == session_id) if is_id(session_id) else None

    async def _end(self, condition: Any) -> Session | None:
        statement = update(sessions).where(condition, _LIVE).values(ended_at=func.now()).returning(*_COLUMNS)
        row = (await self._connection.execute(statement)).one_or_none()
        return _session(row) if row else None


def _session(row: Any) -> Session:
    return Session(
        id=SessionId(row.id),
        user_id=UserId(row.user_id),
        device=Device(user_agent=row.user_agent, address=row.address),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
    )

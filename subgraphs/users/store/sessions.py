"""Sessions in the database, by the clock of the database: the one clock that all processes share."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.http.client_address import network_of
from subgraphs.kit.ids import is_id, new_id
from subgraphs.users.credentials.refresh_tokens import RefreshToken
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.session import AccessId, Session, SessionId
from subgraphs.users.domain.user import UserId
from subgraphs.users.store.tables import sessions, unpublished_revocations

_COLUMNS = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.access_id,
    sessions.c.user_agent,
    sessions.c.address,
    sessions.c.created_at,
    sessions.c.last_used_at,
    sessions.c.expires_at,
)
_LIVE = sessions.c.ended_at.is_(None) & (sessions.c.expires_at > func.now())
_IDS = bindparam("ids", type_=ARRAY(Uuid(as_uuid=False)))  # one plan for any number


class SessionStore:
    """Whatever ends a session, or its access tokens, also notes in the same transaction that Redis must know."""

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
                access_id=new_id(),
                family_hash=token.family_hash,
                token_hash=token.secret_hash,
                user_agent=device.user_agent,
                address=device.address,
                network=network_of(device.address),
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
                network=network_of(device.address),
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

    async def list_live(self, user_ids: Sequence[str]) -> list[list[Session]]:
        """For each account its live sessions, the one used last first."""
        query = (
            select(*_COLUMNS)
            .where(sessions.c.user_id == any_(_IDS), _LIVE)
            .order_by(sessions.c.last_used_at.desc(), sessions.c.id.desc())
        )
        found: defaultdict[str, list[Session]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": [i for i in user_ids if is_id(i)]}):
            found[row.user_id].append(_session(row))
        return [found[i] for i in user_ids]

    async def end_reused(self, token: RefreshToken) -> Session | None:
        """End the live session of `token`'s family, unless `token` is its current one."""
        ended = await self._end(
            (sessions.c.family_hash == token.family_hash) & (sessions.c.token_hash != token.secret_hash)
        )
        return ended[0] if ended else None

    async def end(self, user_id: str, session_id: str) -> Session | None:
        """End one live session of the account; None when there is none of that id."""
        if not (is_id(session_id) and is_id(user_id)):
            return None
        ended = await self._end((sessions.c.id == session_id) & (sessions.c.user_id == user_id))
        return ended[0] if ended else None

    async def end_current(self, access_id: str) -> Session | None:
        """End the live session to which access tokens with that `sid` belong."""
        ended = await self._end(sessions.c.access_id == access_id) if is_id(access_id) else []
        return ended[0] if ended else None

    async def find_current(self, access_id: str | None) -> SessionId | None:
        """The live session to which access tokens with that `sid` belong."""
        if not is_id(access_id or ""):
            return None
        query = select(sessions.c.id).where(sessions.c.access_id == access_id, _LIVE)
        session_id: SessionId | None = (await self._connection.execute(query)).scalar_one_or_none()
        return session_id

    async def end_all(self, user_id: str, *, but: SessionId | None = None) -> list[Session]:
        """End the live sessions of the account, but for the one with the id `but`."""
        condition = sessions.c.user_id == user_id
        if but is not None:
            condition &= sessions.c.id != but
        return await self._end(condition)

    async def renew_access(self, user_id: UserId) -> None:
        """Void the access tokens of the account; its sessions stay, and a refresh gives tokens that hold."""
        live = (
            select(sessions.c.id, sessions.c.access_id)
            .where(sessions.c.user_id == user_id, _LIVE)
            .with_for_update()
        )
        rows = (await self._connection.execute(live)).all()
        await self._connection.execute(
            update(sessions).where(sessions.c.id == any_(_IDS)).values(access_id=func.gen_random_uuid()),
            {"ids": [row.id for row in rows]},
        )
        await self._note_revoked([row.access_id for row in rows])

    async def touch(self, access_ids: Sequence[str]) -> None:
        """Note that the sessions were used just now; one that is being changed was so anyway."""
        idle = (
            select(sessions.c.id)
            .where(sessions.c.access_id == any_(_IDS), _LIVE)
            .with_for_update(skip_locked=True)
        )
        await self._connection.execute(
            update(sessions).where(sessions.c.id.in_(idle)).values(last_used_at=func.now()),
            {"ids": [i for i in access_ids if is_id(i)]},
        )

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` sessions that have been over for that long; returns how many."""
        over = func.least(sessions.c.expires_at, sessions.c.ended_at) < func.now() - older_than
        old = select(sessions.c.id).where(over).limit(limit).with_for_update(skip_locked=True)
        return (await self._connection.execute(delete(sessions).where(sessions.c.id.in_(old)))).rowcount

    async def unpublished_revocations(self, *, limit: int) -> list[AccessId]:
        query = (
            select(unpublished_revocations.c.access_id)
            .order_by(unpublished_revocations.c.created_at.desc())
            .limit(limit)
        )
        return [AccessId(i) for i in await self._connection.scalars(query)]

    async def forget_revocations(self, access_ids: Sequence[AccessId]) -> None:
        """Strike out those that Redis has."""
        await self._connection.execute(
            delete(unpublished_revocations).where(unpublished_revocations.c.access_id == any_(_IDS)),
            {"ids": list(access_ids)},
        )

    async def _end(self, condition: ColumnElement[bool]) -> list[Session]:
        statement = update(sessions).where(condition, _LIVE).values(ended_at=func.now()).returning(*_COLUMNS)
        ended = [_session(row) for row in await self._connection.execute(statement)]
        await self._note_revoked([session.access_id for session in ended])
        return ended

    async def _note_revoked(self, access_ids: Sequence[str]) -> None:
        if access_ids:
            rows = [{"access_id": i} for i in access_ids]
            await self._connection.execute(upsert(unpublished_revocations).on_conflict_do_nothing(), rows)


def _session(row: Any) -> Session:
    return Session(
        id=SessionId(row.id),
        user_id=UserId(row.user_id),
        access_id=AccessId(row.access_id),
        device=Device(user_agent=row.user_agent, address=row.address),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
    )

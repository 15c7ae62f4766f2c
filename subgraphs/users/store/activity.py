"""The activity log in the database."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, bindparam, column, delete, func, insert, join, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.ids import is_id, new_id
from subgraphs.users.domain.activity import Activity, ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.user import UserId
from subgraphs.users.store.tables import activity

_IDS = bindparam("ids", type_=ARRAY(Uuid(as_uuid=False)))  # one plan for any number


class ActivityStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, *entries: ActivityEntry, at: datetime | None = None) -> None:
        """Write `entries`, which happened `at`; by default now."""
        when = {} if at is None else {"at": at}
        rows: list[dict[str, Any]] = [
            {
                "id": new_id(at),
                "user_id": entry.user_id,
                "kind": entry.kind,
                "actor_id": entry.actor_id,
                "user_agent": entry.device.user_agent,
                "address": entry.device.address,
                "detail": entry.detail,
                **when,
            }
            for entry in entries
        ]
        if rows:
            await self._connection.execute(insert(activity), rows)

    async def list_by_users(
        self, user_ids: Sequence[str], *, limit: int, before: str | None
    ) -> list[list[Activity]]:
        """For each account its newest entries, those older than the entry with the id `before`."""
        wanted = sorted({i for i in user_ids if is_id(i)})
        if not wanted:
            return [[] for _ in user_ids]
        owner = func.unnest(_IDS).table_valued(column("id", Uuid(as_uuid=False))).render_derived("owner")
        newest = select(activity).where(activity.c.user_id == owner.c.id)
        if before is not None:
            newest = newest.where(activity.c.id < before)
        page = newest.order_by(activity.c.id.desc()).limit(limit).lateral("page")
        query = select(page).select_from(join(owner, page, true())).order_by(page.c.id.desc())
        found: defaultdict[str, list[Activity]] = defaultdict(list)
        for row in await self._connection.execute(query, {"ids": wanted}):
            found[row.user_id].append(_activity(row))
        return [found[i] for i in user_ids]

    async def count_by_users(self, user_ids: Sequence[str]) -> list[int]:
        query = (
            select(activity.c.user_id, func.count())
            .where(activity.c.user_id == any_(_IDS))
            .group_by(activity.c.user_id)
        )
        ids = [i for i in user_ids if is_id(i)]
        counts = {row[0]: row[1] for row in await self._connection.execute(query, {"ids": ids})}
        return [counts.get(i, 0) for i in user_ids]

    async def purge(self, *, older_than: timedelta, limit: int) -> int:
        """Delete up to `limit` entries; returns how many."""
        # For this transaction only; the trigger that keeps the log lets nothing else pass.
        await self._connection.execute(text("SET LOCAL activity.purging = 'on'"))
        old = (
            select(activity.c.id)
            .where(activity.c.at < func.now() - older_than)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        done = await self._connection.execute(delete(activity).where(activity.c.id.in_(old)))
        return done.rowcount


def _activity(row: Any) -> Activity:
    return Activity(
        id=row.id,
        user_id=UserId(row.user_id),
        kind=ActivityKind(row.kind),
        actor_id=UserId(row.actor_id) if row.actor_id else None,
        device=Device(user_agent=row.user_agent, address=row.address),
        detail=row.detail,
        at=row.at,
    )

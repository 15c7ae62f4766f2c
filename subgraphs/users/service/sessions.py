"""The sessions of an account: looking at them, and ending them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, NotFound
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.errors import SessionEnded
from subgraphs.users.domain.session import Session, SessionId
from subgraphs.users.domain.user import UserId
from subgraphs.users.service.revocations import RevocationPublisher
from subgraphs.users.store import ActivityStore, SessionStore


class Sessions:
    def __init__(self, *, postgres: Postgres, revocations: RevocationPublisher) -> None:
        self._postgres = postgres
        self._revocations = revocations

    def check_visible(self, viewer: Viewer, *, owner: str) -> None:
        """Raises Unauthenticated, or Forbidden for anyone but the owner, since sessions tell where somebody is."""
        if viewer.require_user() != owner:
            raise Forbidden("Sessions are shown to their owner only.")

    async def list_many(self, user_ids: Sequence[str]) -> list[list[Session]]:
        """For each account its live sessions, the one used last first."""
        async with self._postgres.read() as connection:
            return await SessionStore(connection).list_live(user_ids)

    async def logout(self, viewer: Viewer, *, device: Device) -> SessionId:
        """End the viewer's session, its access tokens included. Raises Unauthenticated."""
        viewer.require_user()
        async with self._postgres.unit_of_work() as connection:
            ended = await SessionStore(connection).end_current(viewer.session_id or "")
            if ended is None:
                raise SessionEnded
            await self._note(connection, ActivityKind.LOGGED_OUT, ended.user_id, device)
        await self._revocations.publish()
        return ended.id

    async def revoke(self, viewer: Viewer, session_id: str, *, device: Device) -> SessionId:
        """End one of the viewer's sessions. Raises Unauthenticated, or NotFound for any other."""
        user_id = viewer.require_user()
        async with self._postgres.unit_of_work() as connection:
            ended = await SessionStore(connection).end(user_id, session_id)
            if ended is None:
                raise NotFound("There is no such session; it may have ended already.")
            await self._note(connection, ActivityKind.SESSIONS_ENDED, ended.user_id, device, detail="one")
        await self._revocations.publish()
        return ended.id

    async def logout_everywhere(self, viewer: Viewer, *, device: Device) -> list[Session]:
        """End all sessions of the viewer, this one too. Raises Unauthenticated."""
        user_id = viewer.require_user()
        async with self._postgres.unit_of_work() as connection:
            ended = await SessionStore(connection).end_all(user_id)
            if ended:
                await self._note(
                    connection, ActivityKind.SESSIONS_ENDED, UserId(user_id), device, detail="all"
                )
        await self._revocations.publish()
        return ended

    async def _note(
        self,
        connection: AsyncConnection,
        kind: ActivityKind,
        user_id: UserId,
        device: Device,
        *,
        detail: str | None = None,
    ) -> None:
        entry = ActivityEntry(kind=kind, user_id=user_id, actor_id=user_id, device=device, detail=detail)
        await ActivityStore(connection).add(entry)

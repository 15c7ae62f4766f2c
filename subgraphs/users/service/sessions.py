"""The sessions of an account: looking at them, and ending them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, NotFound
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain import ActivityKind, Deed, Device, Session, SessionId, UserId
from subgraphs.users.errors import SessionEnded
from subgraphs.users.service.revoker import Revoker
from subgraphs.users.store import ActivityStore, SessionStore


class Sessions:
    def __init__(self, postgres: Postgres, revoker: Revoker) -> None:
        self._postgres = postgres
        self._revoker = revoker

    def check_visible(self, viewer: Viewer, *, owner: str) -> None:
        """Raises Unauthenticated, or Forbidden for anyone but the owner: where someone is, is nobody's affair."""
        if viewer.require_user() != owner:
            raise Forbidden("Sessions are shown to their owner only.")

    async def logout(self, viewer: Viewer, *, device: Device) -> SessionId:
        """End the viewer's session, its access tokens included. Raises Unauthenticated."""
        viewer.require_user()
        async with self._postgres.unit_of_work() as connection:
            ended = await SessionStore(connection).end_current(viewer.session_id or "")
            if ended is None:
                raise SessionEnded
            await self._note(connection, ActivityKind.LOGGED_OUT, ended.user_id, device)
        await self._revoker.publish()
        return ended.id

    async def revoke(self, viewer: Viewer, session_id: str, *, device: Device) -> SessionId:
        """End one of the viewer's sessions. Raises Unauthenticated, or NotFound for any other."""
        user_id = viewer.require_user()
        async with self._postgres.unit_of_work() as connection:
            ended = await SessionStore(connection).end(user_id, session_id)
            if ended is None:
                raise NotFound("There is no such session; it may have ended already.")
            await self._note(connection, ActivityKind.SESSIONS_ENDED, ended.user_id, device, detail="one")
        await self._revoker.publish()
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
        await self._revoker.publish()
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
        deed = Deed(kind=kind, user_id=user_id, actor_id=user_id, device=device, detail=detail)
        await ActivityStore(connection).add(deed)

"""What those who manage accounts do to them."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Forbidden, NotFound
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.errors import LastAdministrator
from subgraphs.users.domain.permissions import Permission, Role
from subgraphs.users.domain.user import User, UserId
from subgraphs.users.service.revocations import RevocationPublisher
from subgraphs.users.store import (
    ActivityStore,
    EmailChangeStore,
    PasswordResetStore,
    RoleStore,
    SessionStore,
    UserStore,
)


@dataclass(frozen=True, slots=True)
class Operator:
    """Whoever has the command line of the service: above all permissions, and without an account."""


class Administration:
    """Changes of who may do what.

    They are made one after the other, each in sight of the one before: of two administrators who remove each
    other at once, the second finds out that it is none any more. A change holds when it is answered: tokens
    that say otherwise are void.
    """

    def __init__(self, *, postgres: Postgres, revocations: RevocationPublisher) -> None:
        self._postgres = postgres
        self._revocations = revocations

    async def set_role(self, by: Viewer | Operator, user_id: str, *, role: Role, device: Device) -> User:
        """Give the account another role. Its sessions stay, and have the new permissions from their next refresh.

        Raises Unauthenticated, Forbidden without MANAGE_USERS or for a role that may do what `by` may not,
        NotFound, or LastAdministrator.
        """
        self._check_token(by)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            user, actor_id = await self._authorized(connection, by, user_id, role)
            if user.role == role:
                return user
            if user.role == Role.ADMIN:
                await self._check_not_last(store, user)
            changed = await store.set_role(user.id, role)
            await SessionStore(connection).renew_access(user.id)
            entry = ActivityEntry(
                kind=ActivityKind.ROLE_CHANGED,
                user_id=user.id,
                actor_id=actor_id,
                device=device,
                detail=f"{user.role} to {role}",
            )
            await ActivityStore(connection).add(entry)
        await self._revocations.publish()
        return changed

    async def set_active(self, by: Viewer | Operator, user_id: str, *, active: bool, device: Device) -> User:
        """Disable an account, which ends its sessions, or enable it again.

        Raises Unauthenticated, Forbidden without MANAGE_USERS or for an account that may do what `by` may
        not, NotFound, or LastAdministrator.
        """
        self._check_token(by)
        async with self._postgres.unit_of_work() as connection:
            store = UserStore(connection)
            user, actor_id = await self._authorized(connection, by, user_id)
            if user.active == active:
                return user
            if user.role == Role.ADMIN and not active:
                await self._check_not_last(store, user)
            changed = await store.set_active(user.id, active=active)
            if not active:
                await SessionStore(connection).end_all(user.id)
                await PasswordResetStore(connection).end_all(user.id)
                await EmailChangeStore(connection).end_all(user.id)
            kind = ActivityKind.ENABLED if active else ActivityKind.DISABLED
            entry = ActivityEntry(kind=kind, user_id=user.id, actor_id=actor_id, device=device)
            await ActivityStore(connection).add(entry)
        await self._revocations.publish()
        return changed

    def _check_token(self, by: Viewer | Operator) -> None:
        # Before the lock, so that nobody without the permission can hold up those who have it.
        if isinstance(by, Viewer):
            by.require(Permission.MANAGE_USERS)

    async def _authorized(
        self, connection: AsyncConnection, by: Viewer | Operator, user_id: str, *roles: Role
    ) -> tuple[User, UserId | None]:
        """The account to change and who changes it, both as they are now, with all other changes kept out."""
        store = UserStore(connection)
        await store.lock_administration()
        actor_id = by.user_id if isinstance(by, Viewer) else None
        user, actor = await store.get_many([user_id, actor_id or ""])
        if isinstance(by, Operator):
            return _found(user), None
        held = await self._permissions(connection, actor.role) if actor and actor.active else frozenset()
        if actor is None or Permission.MANAGE_USERS not in held:
            raise Forbidden(f"This needs the permission {Permission.MANAGE_USERS}.")
        target = _found(user)
        # Else whoever manages accounts without being an administrator could make one of an own account.
        for role in (target.role, *roles):
            if not await self._permissions(connection, role) <= held:
                raise Forbidden(f"The role {role} may do what yours may not; ask one who has it.")
        return target, actor.id

    async def _permissions(self, connection: AsyncConnection, role: Role) -> frozenset[Permission]:
        return frozenset((await RoleStore(connection).permissions(role))[1])

    async def _check_not_last(self, store: UserStore, user: User) -> None:
        if user.active and not await store.another_administrator(user.id):
            raise LastAdministrator


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such account.")
    return user

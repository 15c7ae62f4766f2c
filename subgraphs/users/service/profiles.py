"""Changing the fields of one's own account."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.errors import PasswordNeeded
from subgraphs.users.domain.user import ProfileChange, User, checked_change, same_address
from subgraphs.users.service.email_changes import EmailChanges
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.service.reauthentication import Reauthentication
from subgraphs.users.store import ActivityStore, Credentials, UserStore


class Profiles:
    """`wake_dispatcher` says that an e-mail was queued."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        reauthentication: Reauthentication,
        rate_limits: RateLimits,
        email_changes: EmailChanges,
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._reauthentication = reauthentication
        self._rate_limits = rate_limits
        self._email_changes = email_changes
        self._wake_dispatcher = wake_dispatcher

    async def update(
        self, viewer: Viewer, change: ProfileChange, *, current_password: str | None, device: Device
    ) -> User:
        """The account after the change.

        Another e-mail address needs the current password, and the account keeps the one that it has until
        `EmailChanges.confirm`. To write an address in other case is no change of that kind.

        Raises Unauthenticated, ValidationFailed, Taken, WrongPassword, or RateLimited. Then nothing has changed.
        """
        user_id = viewer.require_user()
        checked = checked_change(change)
        proof = await self._proof(user_id, checked.get("email"), current_password, device)
        async with self._postgres.unit_of_work() as connection:
            before = await UserStore(connection).lock(user_id)
            if before is None or not before.active:
                raise _gone()
            email = checked.get("email")
            if email is not None and not same_address(email, before.email):
                del checked["email"]
                session_id = viewer.session_id
                await self._email_changes.request(
                    connection, before, email, proof=proof, session_id=session_id, device=device
                )
            elif email is not None:
                await self._email_changes.withdraw(connection, before)
            user = await self._apply(connection, before, checked, device)
        self._wake_dispatcher()
        return user

    async def _proof(
        self, user_id: str, email: str | None, current_password: str | None, device: Device
    ) -> Credentials | None:
        """The credentials that `current_password` was found to belong to; None where none are needed."""
        if email is None:
            return None
        async with self._postgres.read() as connection:
            user = await UserStore(connection).get(user_id)
        if user is None or same_address(email, user.email):
            return None
        if current_password is None:
            raise PasswordNeeded
        proof = await self._reauthentication.check(
            user_id, current_password, failure=ActivityKind.EMAIL_CHANGE_FAILED, device=device
        )
        await self._rate_limits.email_change(user.id, device=device)
        return proof

    async def _apply(
        self, connection: AsyncConnection, before: User, change: ProfileChange, device: Device
    ) -> User:
        user = await UserStore(connection).change(before.id, change) if change else before
        if user is None:
            raise _gone()
        changed = [name for name in change if getattr(user, name) != getattr(before, name)]
        if changed:
            entry = ActivityEntry(
                kind=ActivityKind.PROFILE_CHANGED,
                user_id=user.id,
                actor_id=user.id,
                device=device,
                detail=", ".join(changed),
            )
            await ActivityStore(connection).add(entry)
        return user


def _gone() -> Unauthenticated:
    return Unauthenticated("This account is gone or disabled; log in with another.")

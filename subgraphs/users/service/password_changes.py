"""Changing a password, and resetting one that is forgotten."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain import ActivityKind, Deed, Device, User, checked_email
from subgraphs.users.errors import ResetTokenUnusable, WrongPassword
from subgraphs.users.password_policy import PasswordPolicy
from subgraphs.users.passwords import Passwords
from subgraphs.users.reset_tokens import ResetToken
from subgraphs.users.service.revoker import Revoker
from subgraphs.users.service.throttles import Throttles
from subgraphs.users.store import (
    ActivityStore,
    LetterKind,
    LetterStore,
    ResetStore,
    SessionStore,
    UserStore,
)


class PasswordChanges:
    def __init__(
        self,
        postgres: Postgres,
        passwords: Passwords,
        policy: PasswordPolicy,
        throttles: Throttles,
        revoker: Revoker,
        *,
        notify_mail: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._policy = policy
        self._throttles = throttles
        self._revoker = revoker
        self._notify_mail = notify_mail

    async def change(self, viewer: Viewer, *, current: str, new: str, device: Device) -> User:
        """Put `new` in the place of `current` and end all sessions but the viewer's own.

        Raises Unauthenticated, WrongPassword, ValidationFailed for `new`, or RateLimited.
        """
        user_id = viewer.require_user()
        async with self._throttles.password_change(user_id, device=device):
            async with self._postgres.read() as connection:
                found = await UserStore(connection).credentials_of(user_id)
            if found is None or not found.user.active:
                raise Unauthenticated("This account is gone or disabled; log in with another.")
            if not await self._passwords.verify(current, found.password_hash):
                deed = Deed(kind=ActivityKind.PASSWORD_CHANGE_FAILED, user_id=found.user.id, device=device)
                async with self._postgres.unit_of_work() as connection:
                    await ActivityStore(connection).add(deed)
                raise WrongPassword
        self._policy.check(new, username=found.user.username, email=found.user.email, field="newPassword")
        new_hash = await self._passwords.hash(new)
        deed = Deed(
            kind=ActivityKind.PASSWORD_CHANGED, user_id=found.user.id, actor_id=found.user.id, device=device
        )
        async with self._postgres.unit_of_work() as connection:
            user = await UserStore(connection).set_password(
                found.user.id, new=new_hash, old=found.password_hash
            )
            if user is None:
                raise WrongPassword  # it was changed meanwhile
            await self._follow(connection, user, deed, keep=viewer.session_id)
        await self._finish()
        return user

    async def request_reset(self, email: str, *, device: Device) -> str:
        """Promise a letter to `email`; returns the address.

        Whether an account has the address is looked up when the letter is written, so that neither what is
        answered nor how long it takes depends on it. Raises ValidationFailed or RateLimited.
        """
        address = checked_email(email)
        await self._throttles.reset_request(address, device=device)
        async with self._postgres.unit_of_work() as connection:
            await LetterStore(connection).owe(LetterKind.PASSWORD_RESET, recipient=address, device=device)
        self._notify_mail()
        return address

    async def reset(self, text: str, *, new: str, device: Device) -> User:
        """Set the password of whom `text` was sent to and end all sessions of the account.

        Raises ResetTokenUnusable, ValidationFailed for `new` (the token then stays good), or RateLimited.
        """
        async with self._throttles.reset(device=device):
            token = ResetToken.parse(text)
            owner = await self._owner(token) if token else None
            if token is None or owner is None:
                raise ResetTokenUnusable
        self._policy.check(new, username=owner.username, email=owner.email, field="newPassword")
        new_hash = await self._passwords.hash(new)
        deed = Deed(kind=ActivityKind.PASSWORD_RESET, user_id=owner.id, actor_id=owner.id, device=device)
        async with self._postgres.unit_of_work() as connection:
            if await ResetStore(connection).use(token.hash) is None:
                raise ResetTokenUnusable  # another has used it meanwhile
            user = await UserStore(connection).set_password(owner.id, new=new_hash)
            if user is None:
                raise ResetTokenUnusable
            await self._follow(connection, user, deed, keep=None)
        await self._finish()
        await self._throttles.forgive(user.username, user.email, device=device)
        return user

    async def _owner(self, token: ResetToken) -> User | None:
        async with self._postgres.read() as connection:
            user_id = await ResetStore(connection).owner(token.hash)
            user = await UserStore(connection).get(user_id) if user_id else None
        return user if user and user.active else None

    async def _follow(self, connection: AsyncConnection, user: User, deed: Deed, *, keep: str | None) -> None:
        """What every new password brings with it, in the transaction that sets it."""
        await SessionStore(connection).end_all(user.id, but=keep)
        await ResetStore(connection).end_all(user.id)
        await ActivityStore(connection).add(deed)
        await LetterStore(connection).owe(
            LetterKind.PASSWORD_CHANGED, recipient=user.email, device=deed.device
        )

    async def _finish(self) -> None:
        self._notify_mail()
        await self._revoker.publish()

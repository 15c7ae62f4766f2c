"""Changing a password, and resetting one that is forgotten."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.one_time_tokens import OneTimeToken
from subgraphs.users.credentials.password_policy import PasswordPolicy
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.email import EmailKind
from subgraphs.users.domain.errors import TokenUnusable, WrongPassword
from subgraphs.users.domain.session import SessionId
from subgraphs.users.domain.user import User, checked_email
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.service.reauthentication import Reauthentication
from subgraphs.users.service.revocations import RevocationPublisher
from subgraphs.users.store import (
    ActivityStore,
    CredentialStore,
    EmailChangeStore,
    EmailQueueStore,
    PasswordResetStore,
    SessionStore,
    UserStore,
)


class PasswordChanges:
    """`wake_dispatcher` says that an e-mail was queued."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        passwords: Passwords,
        policy: PasswordPolicy,
        reauthentication: Reauthentication,
        rate_limits: RateLimits,
        revocations: RevocationPublisher,
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._policy = policy
        self._reauthentication = reauthentication
        self._rate_limits = rate_limits
        self._revocations = revocations
        self._wake_dispatcher = wake_dispatcher

    async def change(self, viewer: Viewer, *, current: str, new: str, device: Device) -> User:
        """Put `new` in the place of `current` and end all sessions but the viewer's own.

        Raises Unauthenticated, WrongPassword, ValidationFailed for `new`, or RateLimited.
        """
        found = await self._reauthentication.check(
            viewer.require_user(), current, failure=ActivityKind.PASSWORD_CHANGE_FAILED, device=device
        )
        owner = found.user
        self._policy.check(new, username=owner.username, email=owner.email, field="newPassword")
        new_hash = await self._passwords.hash(new)
        entry = ActivityEntry(
            kind=ActivityKind.PASSWORD_CHANGED, user_id=owner.id, actor_id=owner.id, device=device
        )
        async with self._postgres.unit_of_work() as connection:
            user = await CredentialStore(connection).set_password(
                owner.id, new=new_hash, old=found.password_hash
            )
            if user is None:
                raise WrongPassword  # it was changed meanwhile
            own = await SessionStore(connection).find_current(viewer.session_id)
            await self._settle(connection, user, entry, keep=own)
        await self._announce()
        return user

    async def request_reset(self, email: str, *, device: Device) -> str:
        """Queue an e-mail to `email`; returns the address.

        Whether an account has the address is looked up when the e-mail is composed, so that neither what is
        answered nor how long it takes depends on it. Raises ValidationFailed or RateLimited.
        """
        address = checked_email(email)
        await self._rate_limits.reset_request(address, device=device)
        async with self._postgres.unit_of_work() as connection:
            await EmailQueueStore(connection).add(EmailKind.PASSWORD_RESET, recipient=address, device=device)
        self._wake_dispatcher()
        return address

    async def reset(self, text: str, *, new: str, device: Device) -> User:
        """Set the password of whom `text` was sent to and end all sessions of the account.

        Raises TokenUnusable, ValidationFailed for `new` (the token then stays good), or RateLimited.
        """
        async with self._rate_limits.one_time_token(device=device):
            token = OneTimeToken.parse(text)
            owner = await self._owner(token) if token else None
            if token is None or owner is None:
                raise TokenUnusable
        self._policy.check(new, username=owner.username, email=owner.email, field="newPassword")
        new_hash = await self._passwords.hash(new)
        entry = ActivityEntry(
            kind=ActivityKind.PASSWORD_RESET, user_id=owner.id, actor_id=owner.id, device=device
        )
        async with self._postgres.unit_of_work() as connection:
            # The account first, as everywhere, so that a change of the password beside this cannot deadlock.
            user = await CredentialStore(connection).set_password(owner.id, new=new_hash)
            if user is None or await PasswordResetStore(connection).use(token.hash) is None:
                raise TokenUnusable  # it was used, or the account disabled, meanwhile
            await self._settle(connection, user, entry, keep=None)
        await self._announce()
        await self._rate_limits.forgive_logins(user.username, user.email, device=device)
        return user

    async def _owner(self, token: OneTimeToken) -> User | None:
        async with self._postgres.read() as connection:
            user_id = await PasswordResetStore(connection).owner(token.hash)
            user = await UserStore(connection).get(user_id) if user_id else None
        return user if user and user.active else None

    async def _settle(
        self, connection: AsyncConnection, user: User, entry: ActivityEntry, *, keep: SessionId | None
    ) -> None:
        """What every new password brings with it, in the transaction that sets it."""
        await SessionStore(connection).end_all(user.id, but=keep)
        await PasswordResetStore(connection).end_all(user.id)
        await EmailChangeStore(connection).end_all(user.id)
        await ActivityStore(connection).add(entry)
        await EmailQueueStore(connection).add(
            EmailKind.PASSWORD_CHANGED, recipient=user.email, device=entry.device
        )

    async def _announce(self) -> None:
        self._wake_dispatcher()
        await self._revocations.publish()

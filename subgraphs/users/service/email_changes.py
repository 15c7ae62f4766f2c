"""Giving an account another e-mail address: asked for with the password, confirmed from the new address.

Whoever has the address of an account can reset its password. So neither a stolen token nor an address that was
never shown to be the owner's may become that of an account.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.one_time_tokens import OneTimeToken
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.email import EmailKind
from subgraphs.users.domain.errors import PasswordNeeded, TokenUnusable, WrongPassword
from subgraphs.users.domain.user import User
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.service.revocations import RevocationPublisher
from subgraphs.users.store import (
    ActivityStore,
    Credentials,
    CredentialStore,
    EmailChange,
    EmailChangeStore,
    EmailQueueStore,
    PasswordResetStore,
    SessionStore,
    UserStore,
)


class EmailChanges:
    """`wake_dispatcher` says that an e-mail was queued."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        rate_limits: RateLimits,
        revocations: RevocationPublisher,
        life: timedelta,
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._postgres = postgres
        self._rate_limits = rate_limits
        self._revocations = revocations
        self._life = life
        self._wake_dispatcher = wake_dispatcher

    async def request(
        self,
        connection: AsyncConnection,
        user: User,
        email: str,
        *,
        proof: Credentials | None,
        session_id: str | None,
        device: Device,
    ) -> None:
        """Have `email` confirmed, and tell the present address, in the transaction that has locked `user`.

        `session_id` is what the asking token names as its session. Raises Taken, PasswordNeeded without a
        `proof`, or WrongPassword for one of a password that is in force no more.
        """
        if proof is None:
            raise PasswordNeeded
        if await CredentialStore(connection).lock_unchanged(proof) is None:
            raise WrongPassword
        await UserStore(connection).check_email_free(email, user_id=user.id)
        session = await SessionStore(connection).find_current(session_id)
        change_id = await EmailChangeStore(connection).replace(
            user.id, email, session_id=session, life=self._life
        )
        queue = EmailQueueStore(connection)
        await queue.add(EmailKind.EMAIL_CONFIRMATION, recipient=email, device=device, change_id=change_id)
        await queue.add(EmailKind.EMAIL_CHANGE_REQUESTED, recipient=user.email, device=device)
        entry = ActivityEntry(
            kind=ActivityKind.EMAIL_CHANGE_REQUESTED, user_id=user.id, actor_id=user.id, device=device
        )
        await ActivityStore(connection).add(entry)

    async def withdraw(self, connection: AsyncConnection, user: User) -> None:
        """Let the account keep the address that it has, whatever was asked for."""
        await EmailChangeStore(connection).end_all(user.id)

    async def confirm(self, text: str, *, device: Device) -> User:
        """The account, with the address that `text` was sent to.

        The tokens of resets that went to the old address are void, and all sessions end but the one that asked
        for the change. The old address is told.

        Raises TokenUnusable, Taken where another account has the address by now, or RateLimited.
        """
        async with self._rate_limits.one_time_token(device=device):
            token = OneTimeToken.parse(text)
            change = await self._find(token) if token else None
            if token is None or change is None:
                raise TokenUnusable
        async with self._postgres.unit_of_work() as connection:
            before = await UserStore(connection).lock(change.user_id)
            # Another may have used it, or the account its password to take it back, before the lock was ours.
            if before is None or await EmailChangeStore(connection).use(token.hash) is None:
                raise TokenUnusable
            user = await UserStore(connection).change(before.id, {"email": change.email})
            if user is None:
                raise TokenUnusable  # the account is disabled
            await self._settle(connection, before, change, device)
        self._wake_dispatcher()
        await self._revocations.publish()
        return user

    async def _find(self, token: OneTimeToken) -> EmailChange | None:
        async with self._postgres.read() as connection:
            return await EmailChangeStore(connection).find(token.hash)

    async def _settle(
        self, connection: AsyncConnection, before: User, change: EmailChange, device: Device
    ) -> None:
        """What another address brings with it, in the transaction that sets it."""
        await SessionStore(connection).end_all(before.id, but=change.session_id)
        await PasswordResetStore(connection).end_all(before.id)
        await EmailQueueStore(connection).add(EmailKind.EMAIL_CHANGED, recipient=before.email, device=device)
        entry = ActivityEntry(
            kind=ActivityKind.PROFILE_CHANGED,
            user_id=before.id,
            actor_id=before.id,
            device=device,
            detail="email",
        )
        await ActivityStore(connection).add(entry)

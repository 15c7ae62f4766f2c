"""Making an e-mail of an entry of the queue, at the moment when it is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.one_time_tokens import OneTimeToken
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.email import EmailKind, QueuedEmail
from subgraphs.users.domain.user import User, same_address
from subgraphs.users.email import templates
from subgraphs.users.email.order_templates import order_text
from subgraphs.users.email.templates import Text
from subgraphs.users.settings import EmailSettings
from subgraphs.users.store import (
    ActivityStore,
    CredentialStore,
    EmailChangeStore,
    PasswordResetStore,
    UserStore,
)

# More to one address are not sent while so many are good: a full mailbox is an attack of its own.
_MOST_LIVE_TOKENS = 5
_NOTICES = {
    EmailKind.PASSWORD_CHANGED: templates.password_changed,
    EmailKind.EMAIL_CHANGE_REQUESTED: templates.email_change_requested,
    EmailKind.EMAIL_CHANGED: templates.email_changed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An e-mail that is ready to leave; `withdraw` voids its token where it does not."""

    message: EmailMessage
    withdraw: Callable[[], Awaitable[None]]


class Composer:
    """Looks up what an e-mail tells of, and makes the token that it carries.

    So a token is in the database as a hash only and counts from the moment it leaves; and whether an account has
    the address at all is found out here, where nobody waits for an answer.
    """

    def __init__(self, *, postgres: Postgres, settings: EmailSettings, reset_life: timedelta) -> None:
        self._postgres = postgres
        self._settings = settings
        self._reset_life = reset_life

    def life(self, kind: EmailKind) -> timedelta:
        """For how long it makes sense to send an e-mail of that kind."""
        match kind:
            case EmailKind.PASSWORD_RESET:
                return self._reset_life
            case EmailKind.EMAIL_CONFIRMATION:
                return self._settings.confirm_life
            case _:
                return self._settings.give_up_after

    async def compose(self, email: QueuedEmail) -> Composed | None:
        """The e-mail; None where there is nothing to say to anyone (any more)."""
        match email.kind:
            case EmailKind.PASSWORD_RESET:
                return await self._compose_reset(email)
            case EmailKind.EMAIL_CONFIRMATION:
                return await self._compose_confirmation(email)
            case kind if email.order is not None:
                text = order_text(kind, email.order)
                return Composed(message=self._message(email, text, to=email.recipient), withdraw=_nothing)
            case kind:
                text = _NOTICES[kind](device=email.device)
                return Composed(message=self._message(email, text, to=email.recipient), withdraw=_nothing)

    async def _compose_reset(self, email: QueuedEmail) -> Composed | None:
        token = OneTimeToken.new()
        async with self._postgres.unit_of_work() as connection:
            user = await self._lock_owner(connection, email.recipient)
            if user is None or not user.active:
                return None
            # The links of e-mails before this one still work.
            if not await PasswordResetStore(connection).add(
                user.id, token.hash, life=self._reset_life, most=_MOST_LIVE_TOKENS
            ):
                return None
            if email.attempts == 1:
                entry = ActivityEntry(
                    kind=ActivityKind.PASSWORD_RESET_REQUESTED, user_id=user.id, device=email.device
                )
                await ActivityStore(connection).add(entry)
        url = self._settings.reset_url.replace("{token}", token.text)
        text = templates.password_reset(
            user, url=url, token=token.text, life=self._reset_life, device=email.device
        )

        async def withdraw() -> None:
            async with self._postgres.unit_of_work() as connection:
                await PasswordResetStore(connection).use(token.hash)

        # To the address as its owner wrote it, not as whoever asked did.
        return Composed(message=self._message(email, text, to=user.email), withdraw=withdraw)

    async def _lock_owner(self, connection: AsyncConnection, address: str) -> User | None:
        """The account that has `address`, and keeps it and its password until the transaction ends.

        Else a token could be added beside a change of either that voids the tokens there are.
        """
        found = await CredentialStore(connection).find(email=address)
        user = await UserStore(connection).lock(found.user.id) if found else None
        return user if user and same_address(user.email, address) else None

    async def _compose_confirmation(self, email: QueuedEmail) -> Composed | None:
        if email.change_id is None:
            return None
        token, life = OneTimeToken.new(), self._settings.confirm_life
        async with self._postgres.unit_of_work() as connection:
            user_id = await EmailChangeStore(connection).issue_token(
                email.change_id, token.hash, life=life, most=_MOST_LIVE_TOKENS
            )
            user = await UserStore(connection).get(user_id) if user_id else None
            if user is None or not user.active:
                return None
        url = self._settings.confirm_url.replace("{token}", token.text)
        text = templates.email_confirmation(user, url=url, token=token.text, life=life, device=email.device)

        async def withdraw() -> None:
            async with self._postgres.unit_of_work() as connection:
                await EmailChangeStore(connection).revoke_token(token.hash)

        return Composed(message=self._message(email, text, to=email.recipient), withdraw=withdraw)

    def _message(self, email: QueuedEmail, text: Text, *, to: str) -> EmailMessage:
        domain = parseaddr(self._settings.sender)[1].rpartition("@")[2] or "localhost"
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = to
        message["Subject"] = text.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        # Another for each attempt: what is sent again holds another token and must not pass for a copy.
        message["Message-ID"] = f"<{email.id}.{email.attempts}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday reply, please
        message.set_content(text.body)
        if text.html:
            message.add_alternative(text.html, subtype="html")
        return message


async def _nothing() -> None:
    """A notice carries no token."""

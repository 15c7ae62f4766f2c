"""Sending the letters that are owed."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from subgraphs.kit.background import WakeUp
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain import ActivityKind, Deed
from subgraphs.users.mail import (
    Mailer,
    MailRefused,
    Text,
    email_changed,
    password_changed,
    password_reset,
)
from subgraphs.users.metrics import LETTERS
from subgraphs.users.reset_tokens import ResetToken
from subgraphs.users.settings import MailSettings
from subgraphs.users.store import (
    ActivityStore,
    LetterKind,
    LetterOutcome,
    LetterStore,
    OwedLetter,
    ResetStore,
    UserStore,
)

log = get_logger(__name__)

_BATCH = 10
_POLL = 1.0
_LEASE = timedelta(minutes=2)  # longer than a delivery takes at its slowest
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0
_FARTHEST_DOUBLING = 10
_MOST_LIVE_RESETS = 5


class Post:
    """Takes letters from the table where use cases promised them, and sends each at least once.

    A letter is written when it is sent. So the token of a reset is in the database as a hash only, counts
    from the moment it leaves, and whether an account has the address at all is found out here, where nobody
    waits for an answer.
    """

    def __init__(
        self, postgres: Postgres, mailer: Mailer, settings: MailSettings, *, reset_life: timedelta
    ) -> None:
        self._postgres = postgres
        self._mailer = mailer
        self._settings = settings
        self._reset_life = reset_life
        self.wake_up = WakeUp()
        """Say that a letter was promised, so that it leaves now and not at the next poll."""

    async def run(self) -> None:
        """Send for ever; an outage is waited out."""
        while True:
            self.wake_up.clear()
            try:
                while await self.send_batch():
                    pass
            except Exception as error:  # noqa: BLE001 - one bad round must not end the post
                log.warning("post_interrupted", error=repr(error))
            await self.wake_up.wait(_POLL)

    async def send_batch(self) -> bool:
        """Send what is due, up to one batch; returns whether there may be more."""
        async with self._postgres.unit_of_work() as connection:
            letters = await LetterStore(connection).claim(limit=_BATCH, lease=_LEASE)
        await asyncio.gather(*(self._deliver(letter) for letter in letters))
        return len(letters) == _BATCH

    async def _deliver(self, letter: OwedLetter) -> None:
        patience = (
            self._reset_life if letter.kind is LetterKind.PASSWORD_RESET else self._settings.give_up_after
        )
        if datetime.now(UTC) - letter.created_at > patience:
            log.error("letter_given_up", kind=letter.kind, attempts=letter.attempts - 1)
            await self._settle(letter, LetterOutcome.GIVEN_UP)
            return
        token = ResetToken.new() if letter.kind is LetterKind.PASSWORD_RESET else None
        message = await self._write(letter, token)
        if message is None:
            await self._settle(letter, LetterOutcome.NOT_NEEDED)
            return
        try:
            await self._mailer.send(message)
        except MailRefused as error:
            log.error("letter_refused", kind=letter.kind, error=str(error))  # noqa: TRY400 - the server said why
            await self._withdraw(token)
            await self._settle(letter, LetterOutcome.GIVEN_UP)
        except OSError as error:
            log.warning("letter_waits", kind=letter.kind, attempts=letter.attempts, error=str(error))
            await self._withdraw(token)
            async with self._postgres.unit_of_work() as connection:
                await LetterStore(connection).postpone(letter, by=_pause(letter.attempts))
        else:
            await self._settle(letter, LetterOutcome.SENT)

    async def _write(self, letter: OwedLetter, token: ResetToken | None) -> EmailMessage | None:
        """The letter; None where there is nothing to say to anyone."""
        if token is not None:
            return await self._write_reset(letter, token)
        changed = password_changed if letter.kind is LetterKind.PASSWORD_CHANGED else email_changed
        return self._message(letter, changed(device=letter.device), to=letter.recipient)

    async def _write_reset(self, letter: OwedLetter, token: ResetToken) -> EmailMessage | None:
        async with self._postgres.unit_of_work() as connection:
            found = await UserStore(connection).credentials(email=letter.recipient)
            if found is None or not found.user.active:
                return None
            user = found.user
            # The links of letters before this one still work, and a full letter box is an attack of its own.
            if not await ResetStore(connection).add(
                user.id, token.hash, life=self._reset_life, most=_MOST_LIVE_RESETS
            ):
                return None
            if letter.attempts == 1:
                deed = Deed(kind=ActivityKind.PASSWORD_RESET_REQUESTED, user_id=user.id, device=letter.device)
                await ActivityStore(connection).add(deed)
        url = self._settings.reset_url.replace("{token}", token.text)
        text = password_reset(user, url=url, token=token.text, life=self._reset_life, device=letter.device)
        # To the address as its owner wrote it, not as whoever asked did.
        return self._message(letter, text, to=user.email)

    def _message(self, letter: OwedLetter, text: Text, *, to: str) -> EmailMessage:
        domain = parseaddr(self._settings.sender)[1].rpartition("@")[2] or "localhost"
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = to
        message["Subject"] = text.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        # Another for each attempt: what is sent again holds another token and must not pass for a copy.
        message["Message-ID"] = f"<{letter.id}.{letter.attempts}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday reply, please
        message.set_content(text.body)
        return message

    async def _withdraw(self, token: ResetToken | None) -> None:
        if token is not None:
            async with self._postgres.unit_of_work() as connection:
                await ResetStore(connection).use(token.hash)

    async def _settle(self, letter: OwedLetter, outcome: LetterOutcome) -> None:
        async with self._postgres.unit_of_work() as connection:
            await LetterStore(connection).settle(letter, outcome)
        LETTERS.labels(letter.kind, outcome).inc()


def _pause(attempts: int) -> timedelta:
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempts - 1, _FARTHEST_DOUBLING))
    return timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311 - only to spread the attempts

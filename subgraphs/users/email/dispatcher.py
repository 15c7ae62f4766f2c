"""Sending the e-mails of the queue."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

from subgraphs.kit.background import Job, WakeUp
from subgraphs.kit.logs import get_logger
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.domain.email import EmailOutcome, QueuedEmail
from subgraphs.users.email.composer import Composer
from subgraphs.users.email.senders import EmailRefused, Sender
from subgraphs.users.metrics import EMAILS
from subgraphs.users.store import EmailQueueStore

log = get_logger(__name__)

_BATCH = 10
_POLL = 1.0
_LEASE = timedelta(minutes=2)  # longer than a delivery takes at its slowest
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0
_FARTHEST_DOUBLING = 10


class EmailDispatcher:
    """Takes e-mails from the queue and sends each at least once.

    One that cannot be sent now is tried again after a pause that doubles, for as long as it makes sense.
    """

    def __init__(self, *, postgres: Postgres, composer: Composer, sender: Sender) -> None:
        self._postgres = postgres
        self._composer = composer
        self._sender = sender
        self.wake_up = WakeUp()
        """Say that an e-mail was queued, so that it leaves now and not at the next poll."""

    @property
    def job(self) -> Job:
        return Job(name="email_dispatcher", run_once=self.send_batch, every=_POLL, wake=self.wake_up)

    async def send_batch(self) -> bool:
        """Send what is due, up to one batch; returns whether there may be more."""
        async with self._postgres.unit_of_work() as connection:
            emails = await EmailQueueStore(connection).claim(limit=_BATCH, lease=_LEASE)
        await asyncio.gather(*(self._deliver(email) for email in emails))
        return len(emails) == _BATCH

    async def _deliver(self, email: QueuedEmail) -> None:
        if datetime.now(UTC) - email.created_at > self._composer.life(email.kind):
            log.error("email_given_up", kind=email.kind, attempts=email.attempts - 1)
            await self._settle(email, EmailOutcome.GIVEN_UP)
            return
        composed = await self._composer.compose(email)
        if composed is None:
            await self._settle(email, EmailOutcome.NOT_NEEDED)
            return
        try:
            await self._sender.send(composed.message)
        except EmailRefused as error:
            log.error("email_refused", kind=email.kind, error=str(error))  # noqa: TRY400 - the server said why
            await composed.withdraw()
            await self._settle(email, EmailOutcome.GIVEN_UP)
        except OSError as error:
            log.warning("email_postponed", kind=email.kind, attempts=email.attempts, error=str(error))
            await composed.withdraw()
            async with self._postgres.unit_of_work() as connection:
                await EmailQueueStore(connection).postpone(email, by=_pause(email.attempts))
        else:
            await self._settle(email, EmailOutcome.SENT)

    async def _settle(self, email: QueuedEmail, outcome: EmailOutcome) -> None:
        async with self._postgres.unit_of_work() as connection:
            await EmailQueueStore(connection).settle(email, outcome)
        EMAILS.labels(email.kind, outcome).inc()


def _pause(attempts: int) -> timedelta:
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempts - 1, _FARTHEST_DOUBLING))
    return timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311 - only to spread the attempts

"""Measures what waits and what ages, for the metrics."""

from dataclasses import dataclass

from subgraphs.kit.background import Job, measurement
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.keys import KeyRing
from subgraphs.users.metrics import EMAILS_AGE, EMAILS_WAITING, SIGNING_KEY
from subgraphs.users.store import EmailQueueStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Each process reads the same. `ring` is None where a shared secret signs, of which nobody knows the age."""

    postgres: Postgres
    ring: KeyRing | None

    @property
    def job(self) -> Job:
        return measurement("measurement", self.run_once)

    async def run_once(self) -> None:
        if self.ring is not None:
            SIGNING_KEY.set(self.ring.signing_key().active_timestamp)
        async with self.postgres.read() as connection:
            count, age = await EmailQueueStore(connection).waiting()
        EMAILS_WAITING.set(count)
        EMAILS_AGE.set(age)

"""Asking for the current password before what a stolen token must not do."""

from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.domain.activity import ActivityEntry, ActivityKind
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.errors import WrongPassword
from subgraphs.users.service.rate_limits import RateLimits
from subgraphs.users.store import ActivityStore, Credentials, CredentialStore


class Reauthentication:
    def __init__(self, *, postgres: Postgres, passwords: Passwords, rate_limits: RateLimits) -> None:
        self._postgres = postgres
        self._passwords = passwords
        self._rate_limits = rate_limits

    async def check(
        self, user_id: str, password: str, *, failure: ActivityKind, device: Device
    ) -> Credentials:
        """The account and the hash that `password` was found to match.

        A wrong password is written to the activity log as a `failure`. Wrong ones count together wherever they
        are asked for. Raises Unauthenticated for an account that is gone or disabled, WrongPassword, or RateLimited.
        """
        async with self._rate_limits.reauthentication(user_id, device=device):
            async with self._postgres.read() as connection:
                found = await CredentialStore(connection).get(user_id)
            if found is None or not found.user.active:
                raise Unauthenticated("This account is gone or disabled; log in with another.")
            if not await self._passwords.verify(password, found.password_hash):
                entry = ActivityEntry(kind=failure, user_id=found.user.id, device=device)
                async with self._postgres.unit_of_work() as connection:
                    await ActivityStore(connection).add(entry)
                raise WrongPassword
        return found

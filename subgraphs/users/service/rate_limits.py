"""Which attempts are limited, and by what they are counted.

Most are counted per pair of an account and a network, so that guessing at an account from one network does not lock
out its owner on another. Accounts are counted by the name that was typed, whether it exists or not, so that a refusal
does not tell which names exist or belong together. Keys in Redis hold hashes of names only.
"""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from subgraphs.kit.http.client_address import network_of
from subgraphs.kit.rate_limiting import Bucket, Limit, RateLimiter
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.errors import TokenUnusable, WrongCredentials, WrongPassword
from subgraphs.users.domain.user import unique_key
from subgraphs.users.settings import RateLimitSettings


class RateLimits:
    def __init__(self, *, limiter: RateLimiter, settings: RateLimitSettings) -> None:
        self._limiter = limiter
        self._settings = settings

    async def login(self, name: str, *, device: Device, known: bool) -> AbstractAsyncContextManager[None]:
        """A login that counts if it raises WrongCredentials.

        Where many networks fail at one account (`login_account`), the account is not locked, or attackers could
        lock out anybody. Each network that it was never used from is then allowed one attempt instead of several.
        """
        account = unique_key(name)
        pair = self._pair("login", account, device, self._settings.login_pair)
        all_networks = _bucket("login-account", account, limit=self._settings.login_account)
        if not known and all_networks and pair and await self._limiter.full(all_networks[0]):
            pair = [replace(pair[0], limit=Limit(1, pair[0].limit.window))]
        return self._limiter.failures(
            *pair,
            *self._address("login", device, self._settings.login_address),
            count=(WrongCredentials,),
            and_in=[] if known else all_networks,
        )

    async def registration(self, email: str, *, device: Device) -> None:
        await self._limiter.attempt(
            *self._pair("registration", unique_key(email), device, self._settings.registration_pair),
            *self._address("registration", device, self._settings.registration_address),
        )

    async def reset_request(self, email: str, *, device: Device) -> None:
        await self._limiter.attempt(
            *self._pair("reset", unique_key(email), device, self._settings.reset_pair),
            *self._address("reset", device, self._settings.reset_address),
        )

    async def email_change(self, user_id: str, *, device: Device) -> None:
        """A request that sends an e-mail to an address of somebody's choice."""
        await self._limiter.attempt(
            *self._pair("email-change", user_id, device, self._settings.reset_pair),
            *self._address("email-change", device, self._settings.reset_address),
        )

    def one_time_token(self, *, device: Device) -> AbstractAsyncContextManager[None]:
        """The use of a token from an e-mail, which counts if there is no such token."""
        address = self._address("reset", device, self._settings.reset_address)
        return self._limiter.failures(*address, count=(TokenUnusable,))

    def reauthentication(self, user_id: str, *, device: Device) -> AbstractAsyncContextManager[None]:
        """A check of the current password, which counts if it is wrong: a stolen token must not help to guess it."""
        pair = self._pair("change", user_id, device, self._settings.login_pair)
        return self._limiter.failures(*pair, count=(WrongPassword,))

    async def forgive_logins(self, *names: str, device: Device) -> None:
        """Forget the failed logins from there: the account has a new password."""
        pairs = [
            b for n in names for b in self._pair("login", unique_key(n), device, self._settings.login_pair)
        ]
        await self._limiter.clear(*pairs)

    def _pair(self, what: str, account: str, device: Device, limit: Limit | None) -> Sequence[Bucket]:
        found = _bucket(what, account, network_of(device.address), limit=limit)
        return [replace(bucket, forgiving=True) for bucket in found]

    def _address(self, what: str, device: Device, limit: Limit | None) -> Sequence[Bucket]:
        return _bucket(f"{what}-address", network_of(device.address), limit=limit)


def _bucket(what: str, *parts: str, limit: Limit | None) -> list[Bucket]:
    """The bucket of these, or none where the limit is off."""
    if limit is None:
        return []
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return [Bucket(key=f"throttle:{what}:{digest}", limit=limit, attempt=what.removesuffix("-address"))]

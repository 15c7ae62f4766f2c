"""Passwords as argon2id hashes, computed away from the event loop."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from subgraphs.kit.errors import RateLimited
from subgraphs.users.settings import PasswordSettings

T = TypeVar("T")


class Passwords:
    """Hashes and checks in a pool of few threads with a bounded queue (argon2 releases the GIL).

    Every method raises RateLimited when the queue is full: nobody waits for a late answer to a login, and with an
    unbounded queue one flood of logins would delay everybody's.
    """

    def __init__(self, settings: PasswordSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory_kib,
            parallelism=settings.parallelism,
        )
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="argon2")
        self._places = settings.threads + settings.queue
        self._taken = 0
        # Of nothing that anyone knows, and as costly to check as every other.
        self._dummy = self._hasher.hash(secrets.token_hex())

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(_normalised(password)))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether `password` is the one of `password_hash`; None, for no account, is as slow and False."""

        def check() -> bool:
            try:
                matches = self._hasher.verify(password_hash or self._dummy, _normalised(password))
            except (VerificationError, InvalidHashError):
                return False
            return matches and password_hash is not None

        return await self._run(check)

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than those in force."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._taken >= self._places:
            raise RateLimited("Too many are logging in at this moment; try again in a second.", retry_after=1)
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._taken -= 1


def _normalised(password: str) -> bytes:
    # NIST SP 800-63B, 3.1.1.2: the same password typed on two keyboards may differ in its code points.
    return unicodedata.normalize("NFKC", password).encode()

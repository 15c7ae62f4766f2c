"""The rate limiter as a use case sees it."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError

from subgraphs.kit.errors import RateLimited
from subgraphs.kit.logs import get_logger
from subgraphs.kit.metrics import RATE_LIMIT_REFUSALS, RATE_LIMITS_ALONE
from subgraphs.kit.rate_limiting.limits import Bucket, Outcome, rounded
from subgraphs.kit.rate_limiting.memory import MemoryCounts

log = get_logger(__name__)

_HOLD = timedelta(seconds=15)  # longer than any attempt takes; a process that dies leaves it behind
_PATIENCE = 10.0
_PAUSE = 0.02
_ASK_AGAIN = 1.0


class RedisCounts:
    """Counts in Redis, read and written by one script: `rate_limiter.lua`."""

    def __init__(
        self, redis: Redis, *, first_wait: timedelta, longest_wait: timedelta, hold: timedelta = _HOLD
    ) -> None:
        self._script = redis.register_script(Path(__file__).with_name("rate_limiter.lua").read_text())
        self._redis = redis
        self._waits = [_ms(first_wait), _ms(longest_wait), _ms(hold)]

    async def admit(self, buckets: Sequence[Bucket], *, now: float | None = None) -> float:
        """As `MemoryCounts.admit`."""
        return float(await self._run("admit", buckets, [Outcome.VOID] * len(buckets), now))

    async def settle(
        self, buckets: Sequence[Bucket], outcomes: Sequence[Outcome], *, now: float | None = None
    ) -> None:
        await self._run("settle", buckets, outcomes, now)

    async def count(self, bucket: Bucket) -> float:
        """The count as it was when last written: at the most what it is now."""
        return float(await self._redis.hget(bucket.key, "n") or 0)

    async def _run(
        self, command: str, buckets: Sequence[Bucket], outcomes: Sequence[Outcome], now: float | None
    ) -> int:
        of_each = [
            part
            for bucket, outcome in zip(buckets, outcomes, strict=True)
            for part in (bucket.limit.burst, _ms(bucket.limit.window), outcome.value)
        ]
        clock = "" if now is None else int(now)
        return int(
            await self._script(
                keys=[bucket.key for bucket in buckets], args=[command, clock, *self._waits, *of_each]
            )
        )


class RateLimiter:
    """Admits attempts, or raises RateLimited with the seconds to wait.

    While Redis is away each process counts for itself with the same limits: a login does not fail for want of
    Redis, and passwords cannot be guessed without limit. Redis is asked again every second.
    """

    def __init__(self, redis: Redis, *, first_wait: timedelta, longest_wait: timedelta) -> None:
        self._shared = RedisCounts(redis, first_wait=first_wait, longest_wait=longest_wait)
        self._own = MemoryCounts(first_wait=first_wait, longest_wait=longest_wait, hold=_HOLD)
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ask_again_at = float("-inf")

    @asynccontextmanager
    async def failures(
        self,
        *buckets: Bucket,
        count: tuple[type[Exception], ...],
        and_in: Sequence[Bucket] = (),
    ) -> AsyncIterator[None]:
        """An attempt that counts in `buckets` if its body raises one of `count`, and in `and_in` too.

        It is reserved before it begins: of many at once, no more are under way than may fail, and the others
        wait until those have ended. Any other exception is not the client's fault, and does not count.
        """
        counts = await self._admit(buckets)
        outcome = Outcome.VOID
        try:
            yield
            outcome = Outcome.SUCCEEDED
        except count:
            outcome = Outcome.FAILED
            raise
        finally:
            await self._settle(counts, buckets, and_in, outcome)

    async def attempt(self, *buckets: Bucket) -> None:
        """An attempt that counts whatever its outcome is."""
        counts = await self._admit(buckets)
        await self._settle(counts, buckets, (), Outcome.FAILED)

    async def full(self, bucket: Bucket) -> bool:
        """Whether the count of `bucket` has reached its burst."""
        if not self._away():
            try:
                return rounded(await self._shared.count(bucket)) >= bucket.limit.burst
            except (RedisError, OSError) as error:
                self._note(error)
        return rounded(await self._own.count(bucket)) >= bucket.limit.burst

    async def clear(self, *buckets: Bucket) -> None:
        """Forget what is counted in `buckets`."""
        forgotten = [Outcome.SUCCEEDED] * len(buckets)
        await self._own.settle(buckets, forgotten)
        try:
            await self._shared.settle(buckets, forgotten)
        except (RedisError, OSError) as error:
            self._note(error)

    async def _admit(self, buckets: Sequence[Bucket]) -> RedisCounts | MemoryCounts:
        if not buckets:
            return self._own
        # First come, first served: who has to wait queues here, and only the first of the queue asks again.
        queue = self._queues.setdefault(buckets[0].key, asyncio.Lock())
        if not queue.locked() and (counts := await self._try_admit(buckets)):
            return counts
        try:
            async with asyncio.timeout(_PATIENCE), queue:
                # By polling, since the attempts under way may be another process's.
                while (counts := await self._try_admit(buckets)) is None:  # noqa: ASYNC110 - see above
                    await asyncio.sleep(_PAUSE)
                return counts
        except TimeoutError:
            RATE_LIMIT_REFUSALS.labels(buckets[0].attempt).inc()
            raise _too_many(1) from None

    async def _try_admit(self, buckets: Sequence[Bucket]) -> RedisCounts | MemoryCounts | None:
        """The counts that admitted the attempt; None while others are under way. Raises RateLimited."""
        retry_after, counts = await self._ask(buckets)
        if retry_after > 0:
            RATE_LIMIT_REFUSALS.labels(buckets[0].attempt).inc()
            raise _too_many(math.ceil(retry_after / 1000))
        return counts if retry_after == 0 else None

    async def _ask(self, buckets: Sequence[Bucket]) -> tuple[float, RedisCounts | MemoryCounts]:
        if not self._away():
            try:
                return await self._shared.admit(buckets), self._shared
            except (RedisError, OSError) as error:
                self._note(error)
        return await self._own.admit(buckets), self._own

    async def _settle(
        self,
        counts: RedisCounts | MemoryCounts,
        buckets: Sequence[Bucket],
        and_in: Sequence[Bucket],
        outcome: Outcome,
    ) -> None:
        succeeded = outcome is Outcome.SUCCEEDED
        outcomes = [Outcome.VOID if succeeded and not bucket.forgiving else outcome for bucket in buckets]
        also = [Outcome.FAILED if outcome is Outcome.FAILED else Outcome.VOID] * len(and_in)
        try:
            await counts.settle([*buckets, *and_in], [*outcomes, *also])
        except (RedisError, OSError) as error:
            # In Redis the attempt stops counting as under way by itself, when its hold ends.
            self._note(error)
            await self._own.settle([*buckets, *and_in], [*outcomes, *also])

    def _away(self) -> bool:
        return time.monotonic() < self._ask_again_at

    def _note(self, error: Exception) -> None:
        self._ask_again_at = time.monotonic() + _ASK_AGAIN
        RATE_LIMITS_ALONE.inc()
        log.warning("rate_limiter_without_redis", error=str(error))


def _too_many(seconds: int) -> RateLimited:
    return RateLimited(
        f"Too many attempts; try again in {seconds} second{'' if seconds == 1 else 's'}.", retry_after=seconds
    )


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)

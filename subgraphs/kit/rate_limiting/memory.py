"""The rules of `rate_limiter.lua` in Python, for one process on its own while Redis is away."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from subgraphs.kit.rate_limiting.limits import Bucket, Outcome, rounded

_MAX_BUCKETS = 20_000
_MAX_DOUBLINGS = 30


@dataclass(slots=True)
class _State:
    count: float = 0.0
    at: float = 0.0
    wait_until: float = 0.0
    under_way: int = 0
    held_until: float = 0.0


class MemoryCounts:
    """Counts of this process alone. Times are milliseconds of one clock, which a test may set."""

    def __init__(self, *, first_wait: timedelta, longest_wait: timedelta, hold: timedelta) -> None:
        self._first, self._longest, self._hold = map(_ms, (first_wait, longest_wait, hold))
        self._states: dict[str, _State] = {}

    async def admit(self, buckets: Sequence[Bucket], *, now: float | None = None) -> float:
        """0 for an attempt that may begin, -1 where others must end first, else the milliseconds to wait."""
        at = time.monotonic() * 1000 if now is None else now
        states = [self._read(bucket, at) for bucket in buckets]
        wait = max((state.wait_until - at for state in states), default=0)
        if wait > 0:
            return wait
        for bucket, state in zip(buckets, states, strict=True):
            if state.under_way and rounded(state.count) + state.under_way >= bucket.limit.burst:
                return -1
        for state in states:
            state.under_way += 1
            state.held_until = at + self._hold
        return 0

    async def settle(
        self, buckets: Sequence[Bucket], outcomes: Sequence[Outcome], *, now: float | None = None
    ) -> None:
        """End an admitted attempt, with its outcome for each bucket."""
        at = time.monotonic() * 1000 if now is None else now
        for bucket, outcome in zip(buckets, outcomes, strict=True):
            state = self._read(bucket, at)
            state.under_way = max(0, state.under_way - 1)
            if outcome is Outcome.FAILED:
                state.count += 1
                over = rounded(state.count) - bucket.limit.burst
                if over >= 0:
                    doubled = self._first * 2 ** min(over, _MAX_DOUBLINGS)
                    state.wait_until = at + min(self._longest, doubled)
            elif outcome is Outcome.SUCCEEDED:
                state.count, state.wait_until = 0, 0

    async def count(self, bucket: Bucket, *, now: float | None = None) -> float:
        at = time.monotonic() * 1000 if now is None else now
        return self._read(bucket, at).count

    def _read(self, bucket: Bucket, now: float) -> _State:
        """The state as of `now`, which becomes the one that was used last."""
        state = self._states.pop(bucket.key, None) or _State(at=now)
        leaked = max(0.0, now - state.at) * bucket.limit.burst / _ms(bucket.limit.window)
        state.count = max(0.0, state.count - leaked)
        state.at = now
        if state.held_until <= now:
            state.under_way = 0
        self._states[bucket.key] = state
        if len(self._states) > _MAX_BUCKETS:
            del self._states[next(iter(self._states))]
        return state


def _ms(duration: timedelta) -> float:
    return duration.total_seconds() * 1000

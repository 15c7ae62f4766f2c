"""How many live subscriptions one process serves, and how many of them one account may hold."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from subgraphs.kit.errors import RateLimited
from subgraphs.orders.metrics import LIVE_REFUSALS, LIVE_SUBSCRIPTIONS

# Seconds after which a refused client may come again: subscriptions end with their orders and their tokens.
RETRY_AFTER = 5


class Admission:
    """Counts open subscriptions. Each process counts its own: with n of them, an account may hold n times as many."""

    def __init__(self, *, per_account: int, per_process: int) -> None:
        self._per_account = per_account
        self._per_process = per_process
        self._open: Counter[str] = Counter()

    @contextmanager
    def subscribed(self, account: str) -> Iterator[None]:
        """A place for one subscription of `account`, for as long as the body runs. Raises RateLimited."""
        if self._open[account] >= self._per_account:
            LIVE_REFUSALS.labels("account").inc()
            raise RateLimited(
                f"This account follows {self._per_account} orders already; end a subscription, then subscribe again.",
                retry_after=RETRY_AFTER,
            )
        if self._open.total() >= self._per_process:
            LIVE_REFUSALS.labels("process").inc()
            raise RateLimited(
                f"Too many orders are followed at the moment; subscribe again in {RETRY_AFTER} seconds.",
                retry_after=RETRY_AFTER,
            )
        self._open[account] += 1
        LIVE_SUBSCRIPTIONS.inc()
        try:
            yield
        finally:
            LIVE_SUBSCRIPTIONS.dec()
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]

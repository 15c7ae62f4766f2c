"""What keeps the event loop shows as lateness of its timers."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry, Histogram

from subgraphs.kit import loop_lag


async def test_a_loop_that_is_kept_for_half_a_second_is_late_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own, which applications of other tests in this process count in as well.
    registry = CollectorRegistry()
    monkeypatch.setattr(loop_lag, "LOOP_LAG", Histogram("lag", "Of one test.", registry=registry))
    measuring = asyncio.create_task(loop_lag.measure())
    await asyncio.sleep(0)
    time.sleep(0.75)  # noqa: ASYNC251 - what nobody should do
    await measuring
    assert (registry.get_sample_value("lag_count") or 0) >= 1
    assert (registry.get_sample_value("lag_sum") or 0) >= 0.5


def test_it_is_measured_all_the_time() -> None:
    assert loop_lag.loop_lag_job().every == 0

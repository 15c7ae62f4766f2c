"""What keeps the event loop shows as lateness of its timers."""

import asyncio
import time

from subgraphs.kit.loop_lag import loop_lag_job, measure
from tests.harness.samples import sample


async def test_a_loop_that_is_kept_for_half_a_second_is_late_by_it() -> None:
    count, total = sample("event_loop_lag_seconds_count"), sample("event_loop_lag_seconds_sum")
    measuring = asyncio.create_task(measure())
    await asyncio.sleep(0)
    time.sleep(0.75)  # noqa: ASYNC251 - what nobody should do
    await measuring
    assert sample("event_loop_lag_seconds_count") - count == 1
    assert sample("event_loop_lag_seconds_sum") - total >= 0.5


def test_it_is_measured_all_the_time() -> None:
    assert loop_lag_job().every == 0

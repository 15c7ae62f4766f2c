"""How late the event loop is: what keeps it from its timers keeps every request waiting as well."""

import asyncio

from subgraphs.kit.background import Job
from subgraphs.kit.metrics import LOOP_LAG

_NAP = 0.25


async def measure() -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + _NAP
    await asyncio.sleep(_NAP)
    LOOP_LAG.observe(max(0.0, loop.time() - due))


def loop_lag_job() -> Job:
    """Four times a second, so that hardly anything which lasts for longer is missed."""
    return Job(name="event_loop_lag", run_once=measure, every=0)

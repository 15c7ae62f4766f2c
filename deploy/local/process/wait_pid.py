"""Wait for the end of a process that is not our child."""

import asyncio
import os
import sys

_POLL = 0.5


async def wait_pid(pid: int) -> None:
    """Returns when process `pid` is gone, at once if there is none."""
    if sys.platform == "linux":
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(handle, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        return
    while _exists(pid):  # noqa: ASYNC110 - nothing tells us of the end of a process that is not our child
        await asyncio.sleep(_POLL)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Revocations that a crash or an outage of Redis has kept from being published."""

import asyncio

from subgraphs.users.service import Revoker

_EVERY = 2.0


async def republish(revoker: Revoker) -> None:
    """Publish what is left over, for ever."""
    while True:
        await revoker.publish()
        await asyncio.sleep(_EVERY)

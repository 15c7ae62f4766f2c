"""The lengths of several lists, counted together when the first of them is asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Totals(Generic[Key]):
    def __init__(self, count: Callable[[], Awaitable[Mapping[Key, int]]]) -> None:
        self._count = count
        self._counted: Mapping[Key, int] | None = None
        self._lock = asyncio.Lock()

    async def of(self, key: Key) -> int:
        async with self._lock:
            if self._counted is None:
                self._counted = await self._count()
        return self._counted[key]

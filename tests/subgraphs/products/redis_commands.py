"""The commands that a client sends to Redis, and a Redis that does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from subgraphs.kit.redis.client import CountingRedis


class RecordedRedis(CountingRedis):
    """Records the names of what is sent, in their order."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sent: list[str] = []

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.sent.append(str(args[0]))
        return await super().execute_command(*args, **options)


class FrozenServer:
    """Takes connections and says nothing; counts them."""

    def __init__(self) -> None:
        self.connections = 0
        self.url = ""


@asynccontextmanager
async def frozen_server() -> AsyncIterator[FrozenServer]:
    frozen = FrozenServer()
    writers: list[asyncio.StreamWriter] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frozen.connections += 1
        writers.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    frozen.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield frozen
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()

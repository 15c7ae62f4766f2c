"""A process that consumes events and is killed at a named moment of the event number 2: python -m … ADDRESS DATABASE SOURCE MOMENT."""

import asyncio
import os
import signal
import sys

from sqlalchemy.ext.asyncio import AsyncConnection

from subgraphs.kit.events.consumer import Consumer
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.rabbitmq import RabbitMq
from subgraphs.kit.events.redis_streams import RedisStreams
from subgraphs.kit.events.transport import Transport
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.postgres.inbox import Inbox
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import DatabaseSettings, RedisSettings
from tests.subgraphs.kit.events.test_transports import INBOX, note

_FATAL = 2


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(address: str, database: str, source: str, moment: str) -> None:
    transport: Transport = (
        RabbitMq(address, readers={})
        if address.startswith("amqp")
        else RedisStreams(create_redis(RedisSettings(url=address)))
    )

    async def effect(connection: AsyncConnection, event: Event) -> None:
        await note(connection, event)
        if event.data["n"] == _FATAL and moment == "before the commit":
            _die()

    postgres = Postgres(DatabaseSettings(url=database), application="killed")
    inbox = Inbox(postgres=postgres, table=INBOX, consumer="g", effect=effect)

    async def handle(event: Event) -> None:
        await inbox.handle(event)
        if event.data["n"] == _FATAL:
            _die()  # committed, and not acknowledged

    consumer = Consumer(transport, handle, source=source, group="g")
    while True:
        await consumer.consume_batch()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

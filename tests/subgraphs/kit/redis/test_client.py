from typing import Any

from subgraphs.kit.ids import new_id
from subgraphs.kit.metrics import REDIS_COMMANDS
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings


def sent(command: str) -> float:
    return REDIS_COMMANDS.labels(command)._value.get()


async def test_every_command_counts_alone_and_in_a_pipeline(engines: Any) -> None:
    key = new_id()
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        before = {name: sent(name) for name in ("hset", "hget", "hdel")}
        await redis.hset(key, "a", "1")
        for transaction in (True, False):
            async with redis.pipeline(transaction=transaction) as pipe:
                pipe.hset(key, "b", "2").hget(key, "b").hdel(key, "b")
                assert await pipe.execute() == [1, "2", 1]
        async with redis.pipeline() as pipe:
            pipe.hset(key, "c", "3")  # never sent
    assert {name: sent(name) - count for name, count in before.items()} == {"hset": 3, "hget": 2, "hdel": 2}

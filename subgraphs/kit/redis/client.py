"""The Redis client of a service, counting its commands."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from prometheus_client import Counter
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from subgraphs.kit.metrics import REDIS_COMMANDS
from subgraphs.kit.outages import register
from subgraphs.kit.settings import RedisSettings


class _CountingPipeline(Pipeline):
    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - its base's signature
        for command, _ in self.command_stack:
            _count(command)
        return await super().execute(raise_on_error)


class CountingRedis(Redis):
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        _count(args)
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 - its base's signature
        return _CountingPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


def _count(command: Sequence[Any]) -> None:
    _commands(str(command[0])).inc()


@lru_cache(maxsize=256)
def _commands(name: str) -> Counter:
    return REDIS_COMMANDS.labels(name.lower())


def create_redis(settings: RedisSettings) -> CountingRedis:
    """A client that decodes to str, gives up after `settings.timeout`, and reconnects by itself."""
    timeout = settings.timeout.total_seconds()
    client: CountingRedis = CountingRedis.from_url(  # type: ignore[assignment] # typed as its base
        settings.url,
        decode_responses=True,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        # One quick second try covers a connection that died while idle; more would hide an outage.
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        health_check_interval=30,
    )
    return client


register(lambda error: isinstance(error, RedisError))

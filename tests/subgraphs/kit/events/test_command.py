"""`events dead`, as the orders service has it, on a Redis of the tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from subgraphs.kit import logs
from subgraphs.kit.cli import main
from subgraphs.kit.events import redis_streams
from subgraphs.kit.events.event import Event
from subgraphs.kit.events.streams import dead_letters_of, stream_of
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from subgraphs.orders.__main__ import SERVICE

EVENT = Event(
    type="OrderPaid",
    source="orders",
    key="o",
    data={"order_id": "o"},
    timestamp=datetime(2026, 1, 31, tzinfo=UTC),
)
AT = "2026-01-31T00:00:00+00:00"

Run = Callable[[str], Awaitable[int]]


@pytest.fixture
async def redis(engines: Any) -> AsyncIterator[Redis]:
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        await redis.flushdb()
        yield redis


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, engines: Any) -> Run:
    """Runs `events dead …` in a thread; returns its exit code."""
    monkeypatch.setenv("ORDERS_REDIS_URL", engines.redis_url)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # the log stays the test run's

    async def command(arguments: str) -> int:
        try:
            await asyncio.to_thread(main, SERVICE, ["events", "dead", *arguments.split()])
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return command


async def letter(
    redis: Redis, text: str = EVENT.to_json(), *, group: str = "g", source: str = "orders"
) -> str:
    fields: dict[Any, Any] = {"event": text, "group": group, "reason": "KeyError('x'), after 5 attempts"}
    return f"{source}/{await redis.xadd(dead_letters_of(source), fields)}"


async def test_letters_are_listed_as_a_table_and_as_json(run: Run, redis: Redis, capsys: Any) -> None:
    assert await run("list") == 0
    assert capsys.readouterr().out == "There are none.\n"
    good = await letter(redis)
    bad = await letter(redis, "no json", group="h", source="products")
    assert await run("list") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "CONSUMER", "TYPE", "HAPPENED", "REASON"]
    assert first.split() == [bad, "h", "unreadable", "unknown", "KeyError('x'),", "after", "5", "attempts"]
    assert second.split()[:4] == [good, "g", "OrderPaid", AT]
    for filter_ in ("--source orders", "--group g"):
        assert await run(f"list --json {filter_}") == 0
        assert [orjson.loads(line) for line in capsys.readouterr().out.splitlines()] == [
            {
                "id": good,
                "consumer": "g",
                "type": "OrderPaid",
                "at": AT,
                "reason": "KeyError('x'), after 5 attempts",
            }
        ]


async def test_all_of_one_is_shown(run: Run, redis: Redis, capsys: Any) -> None:
    good, bad = await letter(redis), await letter(redis, "no json")
    assert await run(f"show {good}") == 0
    shown = capsys.readouterr().out
    assert "reason    KeyError('x'), after 5 attempts\n" in shown
    assert orjson.loads(shown[shown.index("{") :]) == orjson.loads(EVENT.to_json())
    assert await run(f"show {bad}") == 0
    assert capsys.readouterr().out.endswith("\nno json\n")
    for unknown in ("orders/1-1", "nobody/1-1", "x"):
        assert await run(f"show {unknown}") == 1
        assert capsys.readouterr().err.startswith(f"orders: There is no dead letter '{unknown}'")


async def test_a_letter_is_put_back_once_for_its_group(run: Run, redis: Redis, capsys: Any) -> None:
    first, second, third = [await letter(redis, group=group) for group in ("g", "g", "h")]
    assert await run(f"replay {first}") == 0
    assert capsys.readouterr().out == "1 replayed.\n"
    assert await run(f"replay {first}") == 1
    assert "There is no dead letter" in capsys.readouterr().err
    entries = await redis.xrange(stream_of("orders"))
    assert [fields for _, fields in entries] == [{"event": EVENT.to_json(), "group": "g"}]
    assert await run("replay --all --group h") == 0
    assert [fields["group"] for _, fields in await redis.xrange(stream_of("orders"))] == ["g", "h"]
    assert await run("list") == 0
    listed = capsys.readouterr().out
    assert (first in listed, second in listed, third in listed) == (False, True, False)


async def test_what_somebody_else_has_replayed_meanwhile_is_not_put_back_again(
    run: Run, redis: Redis, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await letter(redis)
    replay = redis_streams.RedisDeadLetters.replay

    async def twice(self: Any, chosen: Any) -> bool:
        assert await replay(self, chosen)
        return await replay(self, chosen)

    monkeypatch.setattr(redis_streams.RedisDeadLetters, "replay", twice)
    assert await run("replay --all") == 0
    assert capsys.readouterr().out == "0 replayed; the others were gone.\n"
    assert await redis.xlen(stream_of("orders")) == 1


@pytest.mark.parametrize("arguments", ["", "replay", "replay --all x", "list --source nobody"])
async def test_a_misused_command_says_how_it_is_used(run: Run, arguments: str, capsys: Any) -> None:
    assert await run(arguments) == 2
    assert "usage: " in capsys.readouterr().err


async def test_a_redis_that_is_away_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("ORDERS_REDIS_URL", "redis://127.0.0.1:1/0")
    assert await run("list") == 1
    assert capsys.readouterr().err.startswith("orders: a store cannot be reached: ")

"""What a process knows of ended sessions while Redis cannot be asked."""

from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from subgraphs.kit.auth import revocations as revocations_module
from subgraphs.kit.auth.revocations import RedisRevocations


class RedisOfOneTest:
    """Answers as Redis does, until it is away."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.away = False
        self.asked = 0

    async def exists(self, key: str) -> int:
        self.asked += 1
        if self.away:
            raise RedisConnectionError("away")
        return int(key in self.keys)

    async def set(self, key: str, _: str, *, ex: timedelta) -> None:
        if self.away:
            raise RedisConnectionError("away")
        assert ex == timedelta(minutes=15)
        self.keys.add(key)


@pytest.fixture
def redis() -> RedisOfOneTest:
    return RedisOfOneTest()


@pytest.fixture
def revocations(redis: RedisOfOneTest, monkeypatch: pytest.MonkeyPatch) -> RedisRevocations:
    monkeypatch.setattr(revocations_module, "_MOST_REMEMBERED", 100)
    return RedisRevocations(redis, fresh_for=0)  # type: ignore[arg-type] # what is asked of it is all here


LIFETIME = timedelta(minutes=15)


async def test_what_is_known_revoked_stays_so_however_many_others_are_asked_for(
    redis: RedisOfOneTest, revocations: RedisRevocations
) -> None:
    assert await revocations.revoke("ended here", lifetime=LIFETIME)
    redis.keys.add("revoked:session:ended elsewhere")
    assert await revocations.revoked("ended elsewhere")
    redis.away = True
    for n in range(1000):
        assert not await revocations.revoked(f"live {n}")
    assert await revocations.revoked("ended here")
    assert await revocations.revoked("ended elsewhere")


async def test_memory_is_bounded_and_the_longest_unused_is_forgotten(
    redis: RedisOfOneTest, revocations: RedisRevocations
) -> None:
    for n in range(250):
        await revocations.revoked(f"live {n}")
        await revocations.revoke(f"ended {n}", lifetime=LIFETIME)
        await revocations.revoke("ended 0", lifetime=LIFETIME)
    assert (len(revocations._live), len(revocations._revoked)) == (100, 100)
    redis.away = True
    assert await revocations.revoked("ended 0")
    assert await revocations.revoked("ended 249")
    assert not await revocations.revoked("ended 100")


async def test_a_session_that_redis_no_longer_names_is_live_again(
    redis: RedisOfOneTest, revocations: RedisRevocations
) -> None:
    await revocations.revoke("s", lifetime=LIFETIME)
    redis.keys.clear()
    assert not await revocations.revoked("s")
    assert (list(revocations._live), list(revocations._revoked)) == (["s"], [])

"""The rate limiter: its rules in Redis and in Python, many at once, and Redis away."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from subgraphs.kit.errors import RateLimited
from subgraphs.kit.rate_limiting import Bucket, Limit, Outcome, Rate, RateLimiter
from subgraphs.kit.rate_limiting.memory import MemoryCounts
from subgraphs.kit.rate_limiting.rate_limiter import RedisCounts
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import RedisSettings
from tests.harness.samples import sample
from tests.harness.tcp_proxy import proxy_to

WAITS = {"first_wait": timedelta(seconds=1), "longest_wait": timedelta(seconds=60)}
HOLD = timedelta(seconds=15)


class Wrong(Exception):
    pass


@pytest.fixture(scope="module")
async def redis(engines):
    async with create_redis(RedisSettings(url=engines.redis_url)) as redis:
        yield redis


@pytest.fixture
def limiter(redis):
    return RateLimiter(redis, **WAITS)


def bucket(burst=3, window=timedelta(hours=1), *, key=None, forgiving=False):
    return Bucket(key=key or f"test:limiter:{uuid4().hex}", limit=Limit(burst, window), forgiving=forgiving)


async def fail(limiter, *buckets, times=1):
    for _ in range(times):
        with pytest.raises(Wrong):
            async with limiter.failures(*buckets, count=(Wrong,)):
                raise Wrong


async def succeed(limiter, *buckets):
    async with limiter.failures(*buckets, count=(Wrong,)):
        pass


async def refused(limiter, *buckets):
    with pytest.raises(RateLimited) as caught:
        await succeed(limiter, *buckets)
    return caught.value.retry_after


async def test_wait_doubles_behind_the_burst_up_to_the_longest(redis):
    counts, one = RedisCounts(redis, **WAITS), bucket(burst=3)
    now, waits = 1_000_000_000, []
    for _ in range(10):
        assert await counts.admit([one], now=now) == 0
        await counts.settle([one], [Outcome.FAILED], now=now)
        wait = await counts.admit([one], now=now)
        if not wait:
            await counts.settle([one], [Outcome.VOID], now=now)
        waits.append(wait / 1000)
        now += int(wait)
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]


async def test_what_failed_is_forgiven_evenly(redis):
    counts, one = RedisCounts(redis, **WAITS), bucket(burst=4, window=timedelta(seconds=40))
    for _ in range(3):
        await counts.admit([one], now=0)
        await counts.settle([one], [Outcome.FAILED], now=0)
    # Three of four are taken; ten seconds give one back each.
    for now in (10_000, 20_000, 30_000):
        assert await counts.admit([one], now=now) == 0
        await counts.settle([one], [Outcome.FAILED], now=now)
    await counts.admit([one], now=30_000)
    await counts.settle([one], [Outcome.FAILED], now=30_000)
    assert await counts.admit([one], now=30_000) == 1000


async def test_refusal_says_how_long_and_counts_nothing(limiter):
    one = bucket(burst=2)
    await fail(limiter, one, times=2)
    assert [await refused(limiter, one) for _ in range(20)] == [1] * 20
    await asyncio.sleep(1.05)
    await succeed(limiter, one)


async def test_success_empties_what_is_forgiving_and_nothing_else(limiter):
    own, shared = bucket(burst=3, forgiving=True), bucket(burst=3)
    await fail(limiter, own, shared, times=2)
    await succeed(limiter, own, shared)
    await fail(limiter, own, times=2)
    await succeed(limiter, own)
    await fail(limiter, shared)
    await refused(limiter, shared)


async def test_what_is_no_failure_of_the_client_counts_nothing(limiter):
    one = bucket(burst=1)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            async with limiter.failures(one, count=(Wrong,)):
                _ = 1 / 0
    await succeed(limiter, one)


async def test_of_many_at_once_no_more_pass_than_may_fail(redis):
    one, passed = bucket(burst=5), []
    # Two throttles, as of two processes.
    throttles = [RateLimiter(redis, **WAITS), RateLimiter(redis, **WAITS)]

    async def attempt(limiter):
        async with limiter.failures(one, count=(Wrong,)):
            passed.append(1)
            await asyncio.sleep(0.05)
            raise Wrong

    results = await asyncio.gather(*(attempt(throttles[i % 2]) for i in range(60)), return_exceptions=True)
    assert len(passed) == 5
    assert sum(isinstance(r, RateLimited) for r in results) == 55


async def test_many_good_ones_at_once_all_pass(redis):
    own, shared = bucket(burst=5, forgiving=True), bucket(burst=10)
    limiter = RateLimiter(redis, **WAITS)

    async def attempt():
        async with limiter.failures(own, shared, count=(Wrong,)):
            await asyncio.sleep(0.01)

    await asyncio.gather(*(attempt() for _ in range(60)))


async def test_refusal_by_one_bucket_takes_no_place_in_another(limiter):
    full, roomy = bucket(burst=1), bucket(burst=1)
    await fail(limiter, full)
    await refused(limiter, full, roomy)
    await succeed(limiter, roomy)


async def test_counts_end_by_themselves(redis, limiter):
    one = bucket(burst=3, window=timedelta(seconds=30))
    await fail(limiter, one)
    # A third of the window for one of three.
    assert 9_000 < await redis.pttl(one.key) <= 10_001
    await succeed(limiter, bucket(key=one.key, forgiving=True))
    assert not await redis.exists(one.key)


async def test_place_of_a_process_that_died_is_free_again_in_a_while(redis):
    counts, one = RedisCounts(redis, **WAITS), bucket(burst=1)
    assert await counts.admit([one], now=0) == 0
    assert await counts.admit([one], now=14_999) == -1
    assert await counts.admit([one], now=15_000) == 0


async def test_attempts_that_always_count(limiter):
    one = bucket(burst=2)
    await limiter.attempt(one)
    await limiter.attempt(one)
    with pytest.raises(RateLimited):
        await limiter.attempt(one)
    assert await limiter.full(one)
    await limiter.clear(one)
    assert not await limiter.full(one)
    await limiter.attempt(one)


async def test_without_redis_each_process_counts_for_itself_and_goes_back(engines):
    async with proxy_to(engines.redis_url) as proxy, create_redis(RedisSettings(url=proxy.url)) as redis:
        near, far, one = RateLimiter(redis, **WAITS), RateLimiter(redis, **WAITS), bucket(burst=2)
        await proxy.stop()
        await fail(near, one, times=2)
        await refused(near, one)
        assert await near.full(one)
        await succeed(far, one)
        await proxy.start()
        await asyncio.sleep(1.05)
        await fail(near, one, times=2)
        await refused(far, one)


async def test_redis_that_goes_away_under_an_attempt_leaves_it_alone(engines):
    async with proxy_to(engines.redis_url) as proxy, create_redis(RedisSettings(url=proxy.url)) as redis:
        limiter, one = RateLimiter(redis, **WAITS), bucket(burst=1)

        async def attempt():
            async with limiter.failures(one, count=(Wrong,)):
                await proxy.stop()
                raise Wrong

        with pytest.raises(Wrong):
            await attempt()
        await refused(limiter, one)
        await proxy.start()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["admit", *Outcome]), st.integers(0, 2), st.integers(0, 40_000), st.integers(1, 5)
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_rules_in_python_are_those_in_redis(redis, steps):
    shared = RedisCounts(redis, **WAITS)
    own = MemoryCounts(**WAITS, hold=HOLD)
    keys = [f"test:limiter:{uuid4().hex}" for _ in range(3)]
    now = 5_000_000
    for step, which, later, burst in steps:
        now += later
        one = [bucket(burst, timedelta(minutes=1), key=keys[which]), bucket(4, key=keys[(which + 1) % 3])]
        if step == "admit":
            assert await shared.admit(one, now=now) == pytest.approx(await own.admit(one, now=now), abs=1)
        else:
            for counts in (shared, own):
                await counts.settle(one, [Outcome(step), Outcome.VOID], now=now)
    await redis.delete(*keys)


def test_rates_are_written_as_attempts_and_time():
    parse = TypeAdapter(Rate).validate_python
    assert parse("50/15m") == Limit(50, timedelta(minutes=15))
    assert parse("off") is None
    for wrong in ("50", "0/1m", "5/0s", "-1/1m", "5/soon", ""):
        with pytest.raises(ValidationError):
            parse(wrong)


async def test_refusals_are_counted_by_what_was_attempted(limiter):
    one = replace(bucket(burst=1), attempt="login")
    before = sample("rate_limit_refusals_total", attempt="login")
    await fail(limiter, one)
    await refused(limiter, one)
    await refused(limiter, one)
    assert sample("rate_limit_refusals_total", attempt="login") - before == 2

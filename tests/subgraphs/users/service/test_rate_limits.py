"""Logins and registrations that come too often."""

import asyncio

import pytest

from subgraphs.kit.rate_limiting import RateLimiter
from subgraphs.kit.redis.client import create_redis
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.domain.device import Device
from subgraphs.users.service import RateLimits
from subgraphs.users.settings import RateLimitSettings
from tests.harness.tcp_proxy import proxy_to
from tests.subgraphs.users.graphql_client import client_of

WRONG = "wrong password"


@pytest.fixture
def address(new_name):
    """Addresses from which nobody has done anything yet."""
    number = int(new_name().removeprefix("user-"))
    return lambda last=0: f"2001:db8:{number:x}:{last:x}::1"


def limited(settings, **limits):
    return settings.model_copy(update={"throttle": RateLimitSettings(**limits)})


async def wrong(client, ann, times=1):
    name = ann["user"]["username"]
    return [(await client.login(username=name, password=WRONG))["__typename"] for _ in range(times)]


async def test_failures_behind_the_burst_make_wait_longer_and_longer(client, ann):
    assert await wrong(client, ann, 5) == ["AuthenticationError"] * 5
    result = await client.login(username=ann["user"]["username"])
    assert (result["__typename"], result["code"], result["retryAfter"]) == (
        "RateLimitedError",
        "RATE_LIMITED",
        1,
    )
    assert result["message"] == "Too many attempts; try again in 1 second."
    await asyncio.sleep(1.05)
    assert await wrong(client, ann) == ["AuthenticationError"]
    assert (await client.login(username=ann["user"]["username"]))["retryAfter"] == 2


async def test_unknown_account_is_limited_alike(client, new_name):
    nobody = {"user": {"username": new_name()}}
    assert await wrong(client, nobody, 6) == ["AuthenticationError"] * 5 + ["RateLimitedError"]


async def test_success_forgives_what_failed_before(client, ann):
    name = ann["user"]["username"]
    for _ in range(3):
        assert await wrong(client, ann, 4) == ["AuthenticationError"] * 4
        assert (await client.login(username=name))["__typename"] == "LoginSuccess"


async def test_victim_is_not_locked_out_from_another_address(client, ann, address):
    attacker, victim = client.at(address(1)), client.at(address(2))
    assert (await wrong(attacker, ann, 8))[-1] == "RateLimitedError"
    assert (await victim.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"
    assert (await attacker.login(username=ann["user"]["username"]))["__typename"] == "RateLimitedError"


async def test_addresses_of_one_network_are_one(client, ann, address):
    for i in range(5):
        await wrong(client.at(f"{address().removesuffix('1')}{i:x}"), ann)
    assert await wrong(client.at(f"{address().removesuffix('1')}ffff"), ann) == ["RateLimitedError"]


async def test_account_under_attack_from_many_networks_still_lets_its_owner_in(settings, ann, address):
    """From known networks as ever, and from new ones with the first attempt."""
    strict = limited(settings, login_account="10/1h")
    name = ann["user"]["username"]
    async with client_of(strict) as client:
        await client.at(address(1)).login(username=name)
        for i in range(2, 12):
            await wrong(client.at(address(i)), ann)
        # The attackers have one attempt in each further network where there were five.
        assert await wrong(client.at(address(50)), ann, 2) == ["AuthenticationError", "RateLimitedError"]
        assert (await client.at(address(60)).login(username=name))["__typename"] == "LoginSuccess"
        home = client.at(address(1))
        assert await wrong(home, ann, 3) == ["AuthenticationError"] * 3
        assert (await home.login(username=name))["__typename"] == "LoginSuccess"


async def test_guessing_at_many_accounts_from_one_address_is_slowed_down(settings, new_name, address):
    async with client_of(limited(settings, login_address="8/15m")) as client:
        guesser = client.at(address())
        names = [new_name() for _ in range(10)]
        outcomes = [(await guesser.login(username=n, password=WRONG))["__typename"] for n in names]
        assert outcomes == ["AuthenticationError"] * 8 + ["RateLimitedError"] * 2


async def test_own_account_does_not_free_an_address(settings, ann, new_name, address):
    async with client_of(limited(settings, login_address="4/15m")) as client:
        guesser = client.at(address())
        for _ in range(4):
            assert (await guesser.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"
            await guesser.login(username=new_name(), password=WRONG)
        result = await guesser.login(username=ann["user"]["username"])
        assert result["__typename"] == "RateLimitedError"


LAUNCHER = {
    "login_address": "600000/1m",
    "registration_address": "600000/1m",
    "reset_address": "600000/1m",
}


async def test_minute_of_three_hundred_registrations_and_logins_passes_as_the_launcher_sets_it(
    settings, new_name, address
):
    """The logins to one account, many at once, as a load test would have them."""
    made = RateLimitSettings(**LAUNCHER)
    device = Device(user_agent="", address=address())
    gate = asyncio.Semaphore(32)
    async with create_redis(settings.redis) as redis:
        limiter = RateLimiter(redis, first_wait=made.first_wait, longest_wait=made.longest_wait)
        rate_limits, name = RateLimits(limiter=limiter, settings=made), new_name()
        for i in range(300):
            await rate_limits.registration(f"{name}-{i}@example.com", device=device)

        async def login():
            async with gate, await rate_limits.login(name, device=device, known=True):
                await asyncio.sleep(0.005)

        await asyncio.gather(*(login() for _ in range(300)))


async def test_good_logins_at_once_all_pass(settings, ann, address):
    async with client_of(limited(settings, **LAUNCHER)) as client:
        here = client.at(address())
        results = await asyncio.gather(*(here.login(username=ann["user"]["username"]) for _ in range(40)))
    assert {r["__typename"] for r in results} == {"LoginSuccess"}


async def test_many_wrong_logins_at_once_in_two_processes_are_checked_no_more_than_the_burst(
    client, settings, ann, monkeypatch
):
    checked = []
    verify = Passwords.verify

    async def counted(self, *arguments):
        checked.append(1)
        return await verify(self, *arguments)

    monkeypatch.setattr(Passwords, "verify", counted)
    async with client_of(settings) as other:
        results = await asyncio.gather(*(wrong((client, other)[i % 2], ann) for i in range(60)))
    assert len(checked) == 5
    assert sum(r == ["RateLimitedError"] for r in results) == 55


async def test_counts_are_shared_by_processes(client, settings, ann):
    async with client_of(settings) as other:
        await wrong(client, ann, 3)
        await wrong(other, ann, 2)
        assert await wrong(client, ann) == ["RateLimitedError"]


async def test_registrations_from_one_address_are_limited(settings, new_name, address):
    async with client_of(limited(settings, registration_address="4/1h")) as client:
        here, names = client.at(address(1)), [new_name() for _ in range(6)]
        outcomes = [(await here.register(username=n, email=f"{n}@example.com"))["__typename"] for n in names]
        assert outcomes == ["RegisterSuccess"] * 4 + ["RateLimitedError"] * 2
        elsewhere = await client.at(address(2)).register(username=names[5], email=f"{names[5]}@example.com")
        assert elsewhere["__typename"] == "RegisterSuccess"


async def test_asking_for_one_name_again_and_again_is_limited_for_who_asks_only(
    settings, ann, new_name, address
):
    async with client_of(limited(settings, registration_pair="3/1h", registration_address="off")) as client:
        here, email = client.at(address(1)), ann["user"]["email"]
        outcomes = [(await here.register(username=new_name(), email=email))["__typename"] for _ in range(4)]
        assert outcomes == ["ConflictError"] * 3 + ["RateLimitedError"]
        there = await client.at(address(2)).register(username=new_name(), email=email)
        assert there["__typename"] == "ConflictError"


async def test_input_that_does_not_fit_costs_no_attempt(settings, new_name, address):
    async with client_of(limited(settings, registration_address="1/1h")) as client:
        here, name = client.at(address()), new_name()
        for _ in range(3):
            result = await here.register(username=name, email=f"{name}@example.com", password="short")
            assert result["__typename"] == "ValidationError"
        assert (await here.register(username=name, email=f"{name}@example.com"))[
            "__typename"
        ] == "RegisterSuccess"


async def test_limits_that_are_off_count_nothing(settings, ann, address):
    off = dict.fromkeys(("login_pair", "login_address", "login_account"), "off")
    async with client_of(limited(settings, **off)) as client:
        assert await wrong(client.at(address()), ann, 12) == ["AuthenticationError"] * 12


async def test_without_redis_logins_go_on_and_each_process_counts_for_itself(settings, ann):
    async with proxy_to(settings.redis.url) as proxy:
        behind = settings.redis.model_copy(update={"url": proxy.url})
        async with client_of(settings.model_copy(update={"redis": behind})) as client:
            await proxy.stop()
            assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"
            assert await wrong(client, ann, 6) == ["AuthenticationError"] * 5 + ["RateLimitedError"]
            await proxy.start()
            await asyncio.sleep(1.05)
            assert (await client.login(username=ann["user"]["username"]))["__typename"] == "LoginSuccess"


async def test_redis_holds_no_names_and_nothing_for_ever(client, ann, settings):
    await wrong(client, ann, 2)
    async with create_redis(settings.redis) as redis:
        keys = [key async for key in redis.scan_iter("throttle:*")]
        assert keys
        assert not any(ann["user"]["username"] in key or "127.0.0.1" in key for key in keys)
        assert -1 not in [await redis.pttl(key) for key in keys]

"""Hashing of passwords."""

import asyncio

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from subgraphs.kit.errors import RateLimited
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.settings import PasswordSettings

FAST = PasswordSettings(memory_kib=8192, iterations=1)


@pytest.fixture
def passwords():
    made = Passwords(FAST)
    yield made
    made.close()


def test_default_parameters_are_owasps():
    settings = PasswordSettings()
    assert (settings.memory_kib, settings.iterations, settings.parallelism) == (19 * 1024, 2, 1)


async def test_hash_is_argon2id_with_the_parameters_in_force(passwords):
    found = extract_parameters(await passwords.hash("password123"))
    assert found.type is Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) == (8192, 1, 1)
    assert (found.salt_len, found.hash_len) == (16, 32)


async def test_right_password_is_told_from_wrong_and_from_no_account(passwords):
    hashed = await passwords.hash("password123")
    assert await passwords.verify("password123", hashed)
    assert not await passwords.verify("password124", hashed)
    assert not await passwords.verify("password123", None)
    assert not await passwords.verify("password123", "not a hash")


async def test_same_password_in_other_code_points_is_the_same(passwords):
    composed, decomposed = "p\u00e4ssw\u00f6rd", "pa\u0308sswo\u0308rd"
    assert await passwords.verify(decomposed, await passwords.hash(composed))


async def test_hash_of_other_parameters_is_outdated(passwords):
    hashed = await passwords.hash("password123")
    assert not passwords.outdated(hashed)
    stronger = Passwords(PasswordSettings(memory_kib=8192, iterations=2))
    assert stronger.outdated(hashed)
    assert await stronger.verify("password123", hashed)
    stronger.close()


async def test_full_queue_turns_away_at_once_and_empties():
    passwords = Passwords(PasswordSettings(memory_kib=8192, iterations=1, threads=1, queue=2))
    results = await asyncio.gather(
        *(passwords.hash("password123") for _ in range(10)), return_exceptions=True
    )
    refused = [r for r in results if isinstance(r, RateLimited)]
    assert len(refused) == 7
    assert refused[0].retry_after == 1
    assert await passwords.hash("password123")
    passwords.close()


async def test_event_loop_runs_while_a_hash_is_computed():
    passwords = Passwords(PasswordSettings(memory_kib=32768, iterations=2, threads=1))
    task = asyncio.create_task(passwords.hash("password123"))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    passwords.close()

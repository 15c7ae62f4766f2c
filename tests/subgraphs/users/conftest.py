"""The users subgraph in this process, on real stores; one database for all tests that do not ask for their own.

Tests share that database, so each opens accounts of its own and counts nothing that others may add to.
"""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings, RedisSettings
from subgraphs.users.migrations import migrate
from subgraphs.users.settings import (
    EmailSettings,
    PasswordSettings,
    RateLimitSettings,
    UsersJwtSettings,
    UsersSettings,
)
from tests.subgraphs.users.graphql_client import Client, client_of, execute


@pytest.fixture(scope="session")
def make_settings(engines: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., UsersSettings]:
    """Settings over an empty database and folders of keys and e-mails of their own."""

    def make(**fields: Any) -> UsersSettings:
        defaults: dict[str, Any] = {
            # A busy machine is no outage.
            "database": DatabaseSettings(
                url=engines.postgres_url("users"), pool_size=8, timeout=timedelta(seconds=60)
            ),
            "redis": RedisSettings(url=engines.redis_url),
            "jwt": UsersJwtSettings(keys_dir=tmp_path_factory.mktemp("keys")),
            # The least that the settings allow: what is tested is not how slow a hash is.
            "passwords": PasswordSettings(memory_kib=8192, iterations=1, refuse_common=False),
            "mail": EmailSettings(folder=tmp_path_factory.mktemp("mail")),
            # All tests come from one address and share one Redis, though not the database.
            "throttle": RateLimitSettings(
                login_address="10000/1m",
                registration_address="10000/1m",
                registration_pair="10000/1m",
                reset_address="10000/1m",
            ),
        }
        return UsersSettings(**{**defaults, **fields})

    return make


@pytest.fixture(scope="session")
async def settings(make_settings: Callable[..., UsersSettings]) -> UsersSettings:
    made = make_settings()
    await migrate(made)
    return made


@pytest.fixture(scope="session")
async def client(settings: UsersSettings) -> AsyncIterator[Client]:
    async with client_of(settings) as client:
        yield client


@pytest.fixture(scope="session")
async def postgres(settings: UsersSettings) -> AsyncIterator[Postgres]:
    """A pool of the tests' own on the shared database."""
    postgres = Postgres(settings.database, application="tests")
    yield postgres
    await postgres.close()


@pytest.fixture(scope="session")
def keys_dir(settings: UsersSettings) -> Path:
    return settings.jwt.keys_dir


_numbers = count(1)


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Names that no other account has."""
    return lambda: f"user-{next(_numbers)}"


@pytest.fixture
def name(new_name: Callable[[], str]) -> str:
    return new_name()


@pytest.fixture
async def ann(client: Client, name: str) -> dict[str, Any]:
    """The `AuthPayload` of a fresh account."""
    registered = await client.register(username=name, email=f"{name}@example.com")
    return registered["auth"]


@pytest.fixture
async def admin(client: Client, postgres: Postgres, new_name: Callable[[], str]) -> dict[str, Any]:
    """The `AuthPayload` of a fresh administrator."""
    name = new_name()
    await client.register(username=name, email=f"{name}@example.com")
    await execute(postgres, "UPDATE users SET role = 'ADMIN' WHERE username = :name", name=name)
    return (await client.login(username=name))["auth"]

"""What each process loads before it serves, and what it leaves until somebody asks for it."""

import argparse
import subprocess
import sys
from importlib import import_module
from pkgutil import resolve_name

import pytest

from deploy.local import cli
from subgraphs.kit.cli import Service
from tests.harness.launcher import ROOT

SERVING = "subgraphs.kit.http.serving"
SERVICES = {
    "users": "subgraphs.users.__main__",
    "products": "subgraphs.products.__main__",
    "orders": "subgraphs.orders.__main__",
    "rest": "clients.rest.__main__",
}
# What serves, and what of other processes or of rarer paths it does not load.
LEFT_OUT = {
    ("subgraphs.users.app", SERVING): {
        "alembic", "aio_pika", "aiormq", "httpx", "mako", "motor", "PIL", "pymongo", "stripe", "yaml",
    },
    ("subgraphs.products.app", SERVING): {
        "aio_pika", "aiormq", "alembic", "argon2", "asyncpg", "mako", "sqlalchemy", "stripe", "yaml",
    },
    ("subgraphs.orders.app", SERVING): {
        "aio_pika", "aiormq", "alembic", "argon2", "mako", "motor", "PIL", "pymongo", "stripe", "yaml",
    },
    ("clients.rest.app", SERVING): {
        "alembic", "argon2", "asyncpg", "grpc", "jwt", "motor", "pymongo", "redis", "sqlalchemy", "strawberry", "yaml",
    },
    # Settings are read and checked without what serves.
    ("subgraphs.kit.cli", "subgraphs.users.settings", "subgraphs.products.settings", "subgraphs.orders.settings",
     "clients.rest.settings"): {
        "alembic", "fastapi", "graphql", "grpc", "motor", "pymongo", "sqlalchemy", "starlette", "strawberry", "uvicorn",
    },
    ("deploy.local.cli", "deploy.local.commands.up", "deploy.local.commands.users"): {
        "fastapi", "graphql", "pydantic", "pymongo", "redis", "sqlalchemy", "starlette", "strawberry", "uvicorn",
    },
}  # fmt: skip


@pytest.mark.parametrize("modules", LEFT_OUT, ids=" ".join)
def test_a_start_loads_nothing_that_it_does_not_need(modules: tuple[str, ...]) -> None:
    code = (
        f"import sys; import {', '.join(modules)}; "
        f"print(*[name for name in {sorted(LEFT_OUT[modules])!r} if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_each_command_of_the_launcher_is_offered_by_its_name() -> None:
    subcommands = argparse.ArgumentParser().add_subparsers()
    for named in cli.COMMANDS.values():
        resolve_name(named).register(subcommands)
    assert list(subcommands.choices) == list(cli.COMMANDS)


@pytest.mark.parametrize("name", SERVICES)
def test_all_that_a_command_line_names_is_there(name: str) -> None:
    service: Service = import_module(SERVICES[name]).SERVICE
    parts = [part for command in service.commands.values() for part in command]
    for named in (service.settings, service.open_app, service.sdl, service.migrate, *parts):
        assert not named or resolve_name(named)

"""`python -m subgraphs.users users`."""

import asyncio
import io

import pytest

from subgraphs.kit import logs
from subgraphs.kit.cli import main
from subgraphs.users.__main__ import SERVICE
from subgraphs.users.migrations import migrate


@pytest.fixture
def command(monkeypatch, settings):
    """Runs a command in a thread, on the database of the tests or another; returns its exit code."""

    async def run(arguments, *, database=settings.database.url):
        monkeypatch.setenv("USERS_DATABASE_URL", database)
        monkeypatch.setenv("USERS_REDIS_URL", settings.redis.url)
        # The log of this process stays the test run's.
        monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
        try:
            await asyncio.to_thread(main, SERVICE, ["users", *arguments.split()])
        except SystemExit as ended:
            return ended.code
        return 0

    return run


async def test_database_that_is_away_or_empty_is_told(command, capsys, engines):
    assert await command("list", database="postgresql://nobody@127.0.0.1:1/users") == 1
    assert capsys.readouterr().err.startswith("users: a store cannot be reached: ")
    assert await command("list", database=engines.postgres_url("empty")) == 1
    assert "subgraphs.users migrate" in capsys.readouterr().err


async def test_account_is_disabled_once_and_enabled_once_by_any_of_its_names(command, capsys, ann):
    name = ann["user"]["username"]
    capsys.readouterr()  # the log of the application that registered it
    for arguments, said in (
        (f"disable {name.upper()}", "is disabled; its sessions have ended."),
        (f"disable {ann['user']['id']}", "is disabled already."),
        (f"enable {ann['user']['email']}", "is enabled."),
        (f"enable {name}", "is enabled already."),
    ):
        assert await command(arguments) == 0
        # Applications of other tests in this process may log before it.
        assert capsys.readouterr().out.splitlines()[-1] == f"{name} {said}"


async def test_last_administrator_stays_one(command, capsys, make_settings, monkeypatch):
    settings = make_settings()
    await migrate(settings)
    monkeypatch.setattr("sys.stdin", io.StringIO("four words make one\n"))
    identity = "--username root --email root@example.com"
    assert await command(f"create-admin {identity} --password-stdin", database=settings.database.url) == 0
    capsys.readouterr()
    assert await command("disable root", database=settings.database.url) == 1
    assert "administrator" in capsys.readouterr().err
    assert await command("list --json", database=settings.database.url) == 0
    assert '"state":"active"' in capsys.readouterr().out


@pytest.mark.parametrize("password", ["", "short", "password123"])
async def test_password_that_does_not_pass_makes_no_account(command, capsys, monkeypatch, new_name, password):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    name = new_name()
    assert await command(f"create-admin --username {name} --email {name}@example.com --password-stdin") == 1
    assert "assword" in capsys.readouterr().err
    await command(f"list --search {name}@ --json")
    assert capsys.readouterr().out == ""


async def test_accounts_past_the_limit_are_counted(command, capsys, client, new_name):
    for name in (new_name(), new_name()):
        await client.register(username=name, email=f"{name}@example.com")
    assert await command("list --limit 1") == 0
    assert "older ones; --limit shows more" in capsys.readouterr().out

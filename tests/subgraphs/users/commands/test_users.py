"""`python -m subgraphs.users` and its settings."""

import asyncio
import io
import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from subgraphs.kit import logs
from subgraphs.kit.cli import main
from subgraphs.users.__main__ import service
from subgraphs.users.graphql.schema import schema
from subgraphs.users.migrations import migrate
from subgraphs.users.settings import UsersSettings


async def start(*arguments, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("USERS_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "subgraphs.users",
        *arguments,
        env={**clean, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_schema_prints_the_sdl(capsys):
    main(service, ["schema"])
    out = capsys.readouterr().out
    assert out == schema.as_str() + "\n"
    assert 'type User @key(fields: "id")' in out


def test_unusable_settings_are_named(capsys, monkeypatch):
    monkeypatch.setenv("USERS_JWT_KEY_DIR", "/nowhere")
    with pytest.raises(SystemExit) as caught:
        main(service, ["serve"])
    assert caught.value.code == 2
    assert "did you mean USERS_JWT_KEYS_DIR?" in capsys.readouterr().err


def test_value_that_does_not_fit_is_named(capsys, monkeypatch):
    monkeypatch.setenv("USERS_JWT_REFRESH_IN", "soon")
    with pytest.raises(SystemExit):
        main(service, ["serve"])
    assert "jwt.refresh_in" in capsys.readouterr().err


def test_documented_names_and_durations_are_understood(monkeypatch):
    monkeypatch.setenv("DB_HOST", "db.example")
    monkeypatch.setenv("DB_USER", "app")
    monkeypatch.setenv("USERS_JWT_REFRESH_IN", "24h")
    monkeypatch.setenv("USERS_JWT_KEYS_DIR", "/keys")
    monkeypatch.setenv("USERS_PASSWORDS_MEMORY_KIB", "65536")
    monkeypatch.setenv("USERS_FIRST_ACCOUNT_ADMIN", "true")
    settings = UsersSettings.load()
    assert settings.database.url == "postgresql://app@db.example/users"
    assert (settings.jwt.refresh_in, settings.jwt.keys_dir) == (timedelta(hours=24), Path("/keys"))
    assert settings.jwt.expires_in == timedelta(minutes=15)
    assert settings.passwords.memory_kib == 65536
    assert settings.first_account_admin
    assert settings.server.port == 4001


async def test_unusable_folder_of_keys_stops_the_start_with_a_sentence(capsys, monkeypatch, tmp_path):
    (tmp_path / "keys").touch()
    monkeypatch.setenv("USERS_JWT_KEYS_DIR", str(tmp_path / "keys"))
    # The log of this process stays the test run's.
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    with pytest.raises(SystemExit) as caught:
        await asyncio.to_thread(main, service, ["serve"])
    assert caught.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("users: the folder of signing keys")
    assert "Correct USERS_JWT_KEYS_DIR" in err


async def test_served_on_an_empty_database_it_registers_and_ends_on_a_signal(make_settings):
    settings = make_settings()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await start(
        "serve",
        "--migrate",
        USERS_DATABASE_URL=settings.database.url,
        USERS_REDIS_URL=settings.redis.url,
        USERS_JWT_KEYS_DIR=str(settings.jwt.keys_dir),
        USERS_SERVER_PORT=str(port),
        USERS_FIRST_ACCOUNT_ADMIN="true",
        USERS_PASSWORDS_REFUSE_COMMON="false",
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await until_ready(http, process)
            query = 'mutation { register(input: {username: "ann", email: "ann@example.com", password: "password123"})'
            query += " { ... on RegisterSuccess { auth { user { role } } } } }"
            response = await http.post("/graphql", json={"query": query})
            assert response.json() == {"data": {"register": {"auth": {"user": {"role": "ADMIN"}}}}}
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 20)
    assert b"Traceback" not in err


async def until_ready(http, process):
    async with asyncio.timeout(60):
        while True:
            if process.returncode is not None:
                pytest.fail((await process.communicate())[1].decode())
            try:
                if (await http.get("/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


MISUSE = {
    "the following arguments are required: --email": "users create-admin --username xyz",
    "unrecognized arguments: --password p": "users create-admin --username xyz --email x@example.com --password p",
    "invalid choice: 'GOD'": "users list --role GOD",
    "'0' is not a number from 1 to 1000": "users list --limit 0",
    "invalid choice: 'dismiss'": "users dismiss ann",
    "invalid choice: 'renew'": "keys renew",
    "the following arguments are required: kid": "keys remove",
}


@pytest.mark.parametrize("said", MISUSE)
def test_misuse_of_a_command_is_explained(capsys, said):
    with pytest.raises(SystemExit) as caught:
        main(service, MISUSE[said].split())
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["users", "users create-admin", "users list", "users disable", "keys rotate"]
)
def test_each_command_has_a_help_that_names_it_as_it_was_called(capsys, monkeypatch, command):
    monkeypatch.setenv("SUPERGRAPH_PROGRAM", "supergraph")
    with pytest.raises(SystemExit) as caught:
        main(service, [*command.split(), "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: supergraph {command} ")


@pytest.fixture
def command(monkeypatch, settings):
    """Runs a command in a thread, on the database of the tests or another; returns its exit code."""

    async def run(arguments, *, database=settings.database.url):
        monkeypatch.setenv("USERS_DATABASE_URL", database)
        monkeypatch.setenv("USERS_REDIS_URL", settings.redis.url)
        # The log of this process stays the test run's.
        monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
        try:
            await asyncio.to_thread(main, service, ["users", *arguments.split()])
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
        assert capsys.readouterr().out == f"{name} {said}\n"


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

"""`python -m subgraphs.users serve | schema`, and its settings."""

import asyncio
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
from subgraphs.users.__main__ import SERVICE
from subgraphs.users.graphql.schema import schema
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
    main(SERVICE, ["schema"])
    out = capsys.readouterr().out
    assert out == schema.as_str() + "\n"
    assert 'type User @key(fields: "id")' in out


def test_unusable_settings_are_named(capsys, monkeypatch):
    monkeypatch.setenv("USERS_JWT_KEY_DIR", "/nowhere")
    with pytest.raises(SystemExit) as caught:
        main(SERVICE, ["serve"])
    assert caught.value.code == 2
    assert "did you mean USERS_JWT_KEYS_DIR?" in capsys.readouterr().err


def test_value_that_does_not_fit_is_named(capsys, monkeypatch):
    monkeypatch.setenv("USERS_JWT_REFRESH_IN", "soon")
    with pytest.raises(SystemExit):
        main(SERVICE, ["serve"])
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
        await asyncio.to_thread(main, SERVICE, ["serve"])
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
        _, err = await asyncio.wait_for(process.communicate(), 60)
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

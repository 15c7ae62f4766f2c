"""The commands on the running system: what an operator can do without an account."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from tests.harness.launcher import ROOT
from tests.supergraph.conftest import PASSWORD, Account

COMMAND = [sys.executable, "-m", "deploy.local.cli", "users"]
# A terminal of its own for the command, so that it may ask for a password there.
_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"

Run = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def run(supergraph: dict[str, Any]) -> Run:
    async def command(*arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [*COMMAND, *arguments, *([] if env else ["--data", supergraph["data"]])],
            cwd=ROOT,
            input=stdin,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return command


async def _login(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await http.post("/api/v1/users/login", json={"email": email, "password": password})


@pytest.fixture
def name() -> str:
    return f"op{uuid4().hex[:16]}"


async def test_administrator_is_made_with_a_password_from_standard_input(
    run: Run, http: httpx.AsyncClient, name: str
) -> None:
    identity = ("--username", name, "--email", f"{name}@example.com")
    made = await run("create-admin", *identity, "--password-stdin", stdin="four words make one\n")
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith(f"{name} is an administrator, id ")
    answer = await _login(http, f"{name}@example.com", "four words make one")
    assert answer.json()["user"]["role"].upper() == "ADMIN"

    again = await run("create-admin", *identity, "--password-stdin", stdin="four words make one\n")
    assert again.returncode == 1
    assert again.stderr == "users: The username is taken by another account; choose another.\n"


async def test_password_is_asked_for_twice_and_not_shown(
    supergraph: dict[str, Any], http: httpx.AsyncClient, name: str
) -> None:
    identity = ["--username", name, "--email", f"{name}@example.com"]
    command = [*COMMAND, "--data", supergraph["data"], "create-admin", *identity]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _TERMINAL,
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seen = b""
    async with asyncio.timeout(60):
        for prompt in (b"Password: ", b"Once more: "):
            # What is typed before the prompt is thrown away, as it should be.
            while not seen.endswith(prompt):
                seen += await process.stdout.read(1)
            process.stdin.write(b"four words make one\n")
        seen += await process.stdout.read()
        assert await process.wait() == 0, seen
    assert b"four words" not in seen
    assert (await _login(http, f"{name}@example.com", "four words make one")).status_code == 200


FAULTS = {
    "A username has 3 to 32": [
        "create-admin",
        "--username",
        "x!",
        "--email",
        "x@example.com",
        "--password-stdin",
    ],
    "--password-stdin": ["create-admin", "--username", "xyz", "--email", "x@example.com"],
    "no account called 'nobody-at-all'": ["disable", "nobody-at-all"],
}


@pytest.mark.parametrize("said", FAULTS)
async def test_fault_is_named_and_nothing_is_done(run: Run, said: str) -> None:
    done = await run(*FAULTS[said], stdin="four words make one\n" if "x!" in FAULTS[said] else "")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("users: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_disabled_account_is_out_at_once_and_enabled_again_may_log_in(
    run: Run, http: httpx.AsyncClient, customer: Account, admin: Account
) -> None:
    disabled = await run("disable", customer.email.upper())
    assert disabled.stdout == f"{customer.username} is disabled; its sessions have ended.\n"
    async with asyncio.timeout(20):
        # A poll: each service remembers for a second that a session was alive.
        while (await http.get("/api/v1/users/profile", headers=customer.headers)).status_code != 401:  # noqa: ASYNC110 - it changes in another process
            await asyncio.sleep(0.05)
    assert (await _login(http, customer.email)).status_code == 403
    refresh = {"refresh_token": customer.refresh_token}
    assert (await http.post("/api/v1/users/refresh", json=refresh)).status_code == 401
    assert await _kinds(http, admin, customer) == ["DISABLED", "REGISTERED"]

    assert (await run("enable", customer.id)).stdout == f"{customer.username} is enabled.\n"
    assert (await _login(http, customer.email)).status_code == 200


async def _kinds(http: httpx.AsyncClient, admin: Account, account: Account) -> list[str]:
    """The kinds of the account's activity but for attempts to log in, newest first."""
    query = "query ($id: ID!) { user(id: $id) { activity(first: 10) { nodes { kind } } } }"
    body = {"query": query, "variables": {"id": account.id}}
    answer = (await http.post("/graphql", json=body, headers=admin.headers)).json()
    kinds = [node["kind"] for node in answer["data"]["user"]["activity"]["nodes"]]
    return [kind for kind in kinds if not kind.startswith("LOGIN")]


async def test_accounts_are_listed_for_people_and_for_scripts(run: Run, customer: Account) -> None:
    shown = await run("list", "--search", customer.username)
    head, row = shown.stdout.splitlines()
    assert head.split() == ["ID", "USERNAME", "E-MAIL", "ROLE", "STATE", "SINCE"]
    assert row.split()[:5] == [customer.id, customer.username, customer.email, "USER", "active"]
    as_json = await run("list", "--search", customer.username, "--json")
    [line] = as_json.stdout.splitlines()
    assert json.loads(line).items() >= {"id": customer.id, "state": "active", "role": "USER"}.items()


async def test_without_a_running_system_the_command_says_what_to_do(run: Run, tmp_path: Any) -> None:
    done = await run("list", "--data", str(tmp_path), SOMETHING="set")
    assert done.returncode == 1
    assert done.stderr.startswith(f"supergraph: No supergraph runs on {tmp_path}. Start it")
    assert "USERS_DATABASE_URL=" in done.stderr


async def test_database_named_in_the_environment_is_the_one_used(
    run: Run, supergraph: dict[str, Any], customer: Account
) -> None:
    url = supergraph["addresses"]["users_database"]
    found = await run("list", "--search", customer.username, "--json", USERS_DATABASE_URL=url)
    assert customer.id in found.stdout


async def test_stock_of_the_running_system_agrees_with_its_orders(supergraph: dict[str, Any]) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [*COMMAND[:-1], "stock", "reconcile", "--data", supergraph["data"]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Stock and reservations agree.\n", "")


async def test_an_event_that_was_given_up_is_listed_and_handed_to_its_consumer_again(
    supergraph: dict[str, Any],
) -> None:
    async def events(*arguments: str) -> str:
        command = [sys.executable, "-m", "deploy.local.cli", "events", "dead", *arguments]
        finished = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert (finished.returncode, finished.stderr) == (0, "")
        return finished.stdout

    data, group = ("--data", supergraph["data"]), f"nobody-{uuid4().hex[:8]}"
    url = supergraph["children"]["orders"]["env"]["ORDERS_REDIS_URL"]
    async with Redis.from_url(url, decode_responses=True) as redis:
        fields: dict[Any, Any] = {"event": "no json", "group": group, "reason": "not an event"}
        letter = f"users/{await redis.xadd('events:users:dead', fields)}"
        listed = await events("list", "--group", group, *data)
        assert listed.splitlines()[1].split() == [
            letter,
            group,
            "unreadable",
            "unknown",
            "not",
            "an",
            "event",
        ]
        assert await events("replay", letter, *data) == "1 replayed.\n"
        assert await events("list", "--group", group, *data) == "There are none.\n"
        entries = await redis.xrevrange("events:users", count=1000)
    assert [f for _, f in entries if f.get("group") == group] == [{"event": "no json", "group": group}]
    assert "hand them to their consumers once more" in await events("--help")

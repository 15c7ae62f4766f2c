"""The signing key changes while clients go on: nobody is turned away."""

import asyncio
import subprocess
import sys
import time
from typing import Any

import httpx
import jwt
import pytest

from tests.harness.launcher import ROOT
from tests.security.endpoints import Endpoint
from tests.supergraph.conftest import Account

# USERS_JWT_KEY_LEAD of the shared system, and the time in which a process looks into the folder again.
_LEAD = 10.0
_RESCAN = 5.0


def _keys(supergraph: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.local.cli", "keys", "--data", supergraph["data"], *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def _fresh_token(http: httpx.AsyncClient, account: Account) -> str:
    login = {"email": account.email, "password": "password123"}
    answer = await http.post("/api/v1/users/login", json=login)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


class TokenLoad:
    """Uses the newest and the oldest token at every endpoint, twice a second."""

    def __init__(self, http: httpx.AsyncClient, endpoints: list[Endpoint], account: Account) -> None:
        self._http = http
        self._endpoints = endpoints
        self._account = account
        self.old = account.token
        self.new = account.token
        self.refused: list[str] = []
        self.served = 0

    async def run(self) -> None:
        await asyncio.gather(self._renew(), *(self._use(endpoint) for endpoint in self._endpoints))

    async def _renew(self) -> None:
        while True:
            self.new = await _fresh_token(self._http, self._account)
            await asyncio.sleep(0.5)

    async def _use(self, endpoint: Endpoint) -> None:
        while True:
            for token in (self.new, self.old):
                if await endpoint.accepts(token):
                    self.served += 1
                else:
                    self.refused.append(f"{endpoint}: {_kid(token)}")
            await asyncio.sleep(0.5)


async def test_rotation_under_load_turns_nobody_away(
    http: httpx.AsyncClient, supergraph: dict[str, Any], endpoints: list[Endpoint], customer: Account
) -> None:
    load = TokenLoad(http, endpoints, customer)
    task = asyncio.create_task(load.run())
    try:
        rotated = await asyncio.to_thread(_keys, supergraph, "rotate")
        assert rotated.returncode == 0, rotated.stderr
        kid = rotated.stdout.split()[0]
        assert kid != _kid(customer.token)
        deadline = time.monotonic() + _LEAD + _RESCAN + 20
        while _kid(load.new) != kid:
            assert not task.done()
            assert time.monotonic() < deadline, "the new key never signed"
            await asyncio.sleep(0.1)
        # By now each endpoint has had tokens of both keys.
        before = load.served
        while load.served < before + 6 * len(endpoints):
            assert not task.done()
            await asyncio.sleep(0.1)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert load.refused == []

    listed = (await asyncio.to_thread(_keys, supergraph, "list")).stdout
    states = {line.split()[0]: line.split()[1] for line in listed.splitlines()[1:]}
    assert states[kid] == "signing"
    assert states[_kid(customer.token)] == "retired"
    # A retired key stays until the last of its tokens has ended.
    pruned = await asyncio.to_thread(_keys, supergraph, "prune")
    assert pruned.stdout == "Every key is still needed.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["remove", "unknown"], 1, "there is no key 'unknown'"),
        ([], 2, "say which ACTION"),
    ],
)
def test_command_says_what_is_wrong(
    supergraph: dict[str, Any], arguments: list[str], code: int, said: str
) -> None:
    done = _keys(supergraph, *arguments)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr

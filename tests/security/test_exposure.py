"""`supergraph up --edge-host 0.0.0.0`: what is relaxed for one person on one machine is not, where others reach it.

Without the edge, so that the tests open nothing to the network; its settings are compared in tests/deploy.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness import launcher
from tests.harness.engines import Engines

REGISTER = """mutation ($input: RegisterInput!) {
  register(input: $input) { __typename ... on RegisterSuccess { auth { user { role } } } }
}"""
STRONG = "a long walk home"


@pytest.fixture(scope="module")
def exposed(engines: Engines) -> Iterator[dict[str, Any]]:
    """Users, on a PostgreSQL that the launcher starts: only there the first account may become administrator."""
    name = f"exposed-{uuid4().hex}"
    state = launcher.folder() / f"{name}.json"
    arguments = ["--only", "users", "--edge-host", "0.0.0.0"]
    env = {"REDIS_URL": engines.redis_url, "ROUTER_SECRET": launcher.ROUTER_SECRET}
    process = launcher.launch(launcher.folder() / name, state, arguments, env=env)
    try:
        launcher.wait_for(process, state)
        yield launcher.read(state)["addresses"]
    finally:
        launcher.stop(process.pid)


async def _register(exposed: dict[str, Any], http: httpx.AsyncClient, password: str) -> dict[str, Any]:
    name = f"u{uuid4().hex[:16]}"
    variables = {"input": {"username": name, "email": f"{name}@example.com", "password": password}}
    body = {"query": REGISTER, "variables": variables}
    url = f"{exposed['users']}/graphql"
    answer = (await http.post(url, json=body, headers=launcher.AS_THE_ROUTER)).json()
    outcome: dict[str, Any] = answer["data"]["register"]
    return outcome


async def test_common_password_is_refused_and_the_first_account_is_no_administrator(
    exposed: dict[str, Any], direct: httpx.AsyncClient
) -> None:
    assert await _register(exposed, direct, "password123") == {"__typename": "ValidationError"}
    assert await _register(exposed, direct, STRONG) == {
        "__typename": "RegisterSuccess",
        "auth": {"user": {"role": "USER"}},
    }

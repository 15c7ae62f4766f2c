"""JWT_SECRET: the whole system on one shared secret instead of published keys."""

import asyncio
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.ports import Ports
from tests.harness import launcher
from tests.harness.engines import Engines

SECRET = secrets.token_urlsafe(48)
REGISTER = """mutation ($input: RegisterInput!) {
  register(input: $input) { ... on RegisterSuccess { auth { accessToken user { id } } } }
}"""
QUERY = "{ __typename }"


@pytest.fixture(scope="module")
def addresses(engines: Engines) -> Iterator[dict[str, Any]]:
    """The subgraphs and the edge, with nothing on the ports of the router and the REST layer between them."""
    ports = Ports()
    between = [f"--{component}-port={ports.free()}" for component in ("router", "rest")]
    data = launcher.folder() / f"secret-{uuid4().hex}"
    env = {
        "JWT_SECRET": SECRET,
        "ROUTER_SECRET": launcher.ROUTER_SECRET,
        "USERS_DATABASE_URL": engines.postgres_url("users"),
        "ORDERS_DATABASE_URL": engines.postgres_url("orders"),
        "PRODUCTS_DATABASE_URL": engines.mongo_url("products"),
        "REDIS_URL": engines.redis_url,
    }
    state = data.with_suffix(".json")
    process = launcher.launch(
        data, state, ["--only", "subgraphs,edge", "--edge-port", "0", *between], env=env
    )
    try:
        launcher.wait_for(process, state)
        yield {**launcher.read(state)["addresses"], "data": data}
    finally:
        launcher.stop(process.pid)
        ports.release()


@pytest.fixture(scope="module")
async def token(addresses: dict[str, Any], direct: httpx.AsyncClient) -> str:
    name = f"u{uuid4().hex[:16]}"
    fields = {"username": name, "email": f"{name}@example.com", "password": "a long walk home"}
    body = {"query": REGISTER, "variables": {"input": fields}}
    answer = await direct.post(f"{addresses['users']}/graphql", json=body)
    return str(answer.json()["data"]["register"]["auth"]["accessToken"])


def _signed(token: str, key: Any, algorithm: str = "HS256", **headers: Any) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "at+jwt", **headers})


async def _statuses(addresses: dict[str, Any], http: httpx.AsyncClient, token: str) -> dict[str, int]:
    headers = {"authorization": f"Bearer {token}"}
    endpoints = ("users", "products", "orders", "edge")
    answers = await asyncio.gather(
        *(http.post(f"{addresses[d]}/graphql", json={"query": QUERY}, headers=headers) for d in endpoints)
    )
    return {endpoint: answer.status_code for endpoint, answer in zip(endpoints, answers, strict=True)}


async def test_every_service_believes_what_users_signs_with_it(
    addresses: dict[str, Any], direct: httpx.AsyncClient, token: str
) -> None:
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt"}
    jwt.decode(token, SECRET, algorithms=["HS256"], audience="supergraph")
    # 503: it is let in at the edge, and nobody stands behind that here.
    expected = {"users": 200, "products": 200, "orders": 200, "edge": 503}
    assert await _statuses(addresses, direct, token) == expected


async def test_no_key_is_published(addresses: dict[str, Any], direct: httpx.AsyncClient) -> None:
    assert (await direct.get(f"{addresses['users']}/.well-known/jwks.json")).json() == {"keys": []}


FALSE = {
    "another secret": lambda t: _signed(t, secrets.token_urlsafe(48)),
    "an empty secret, filled up": lambda t: _signed(t, "\0" * 64),
    "a key of one's own": lambda t: _signed(t, Ed25519PrivateKey.generate(), "EdDSA", kid="k1"),
    "a longer hash": lambda t: _signed(t, SECRET, "HS512"),
    "no signature": lambda t: _signed(t, None, "none"),
    "a changed signature": lambda t: f"{t[:-4]}{'AAAA' if t[-4:] != 'AAAA' else 'BBBB'}",
}


@pytest.mark.parametrize("forged", FALSE)
async def test_false_token_is_refused(
    addresses: dict[str, Any], direct: httpx.AsyncClient, token: str, forged: str
) -> None:
    statuses = await _statuses(addresses, direct, FALSE[forged](token))
    assert set(statuses.values()) == {401}, statuses


async def test_edge_keeps_the_secret_in_a_file_that_others_cannot_read(
    addresses: dict[str, Any], direct: httpx.AsyncClient
) -> None:
    data: Path = addresses["data"]
    assert stat.S_IMODE((data / "jwks.json").stat().st_mode) == 0o600
    assert SECRET not in (data / "envoy.yaml").read_text()
    shown = (await direct.get(f"{addresses['admin']}/config_dump")).text
    assert "jwks.json" in shown
    assert SECRET not in shown
    assert (data / "jwks.json").read_text().split('"k": "')[1][:20] not in shown


@pytest.mark.parametrize("service", ["subgraphs.users", "subgraphs.products", "subgraphs.orders"])
def test_weak_secret_stops_the_start(service: str) -> None:
    env = {"PATH": "/usr/bin", "JWT_SECRET": "your-super-secret-jwt-key-change-in-production"}
    done = subprocess.run(
        [sys.executable, "-m", service, "serve"],
        cwd=launcher.ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "openssl rand" in done.stderr

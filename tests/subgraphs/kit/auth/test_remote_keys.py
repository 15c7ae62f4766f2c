"""Keys fetched from another service: few fetches, and none lost while that service is away."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from subgraphs.kit.auth.remote_keys import RemoteKeys
from subgraphs.kit.errors import Unavailable


class Source:
    """A JWKS endpoint that can fail in several ways, and the clock that ages what was fetched."""

    def __init__(self) -> None:
        self.fetches = 0
        self.kids = ["k1"]
        self.answer: Callable[[], httpx.Response] | None = None
        self.hang = 0.0
        self.now = 1000.0
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._serve))

    async def _serve(self, _: httpx.Request) -> httpx.Response:
        self.fetches += 1
        await asyncio.sleep(self.hang)
        if self.answer is not None:
            return self.answer()
        return httpx.Response(200, json={"keys": [_jwk(kid) for kid in self.kids]})


_KEYS = {kid: Ed25519PrivateKey.generate() for kid in ("k1", "k2")}


def _jwk(kid: str) -> dict[str, str]:
    key: dict[str, str] = json.loads(OKPAlgorithm.to_jwk(_KEYS[kid].public_key()))
    return {**key, "kid": kid}


def _down() -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    source = Source()
    # Not `time.monotonic` itself, by which the event loop goes.
    monkeypatch.setattr("subgraphs.kit.auth.remote_keys.time", SimpleNamespace(monotonic=lambda: source.now))
    return source


@pytest.fixture
def keys(source: Source) -> RemoteKeys:
    return RemoteKeys(source.client, "http://users/jwks", max_age=60, min_interval=2)


async def test_fifty_first_requests_are_one_fetch(source: Source, keys: RemoteKeys):
    source.hang = 0.02
    found = await asyncio.gather(*(keys.key("k1") for _ in range(50)))
    assert None not in found
    assert source.fetches == 1


async def test_a_flood_of_unknown_kids_is_one_fetch_each_interval(source: Source, keys: RemoteKeys):
    await keys.key("k1")
    for second in range(10):
        source.now += 1
        assert await asyncio.gather(*(keys.key(f"forged {second} {i}") for i in range(100))) == [None] * 100
    assert source.fetches == 1 + 3


async def test_a_new_key_is_found_and_an_old_one_ends_with_its_age(source: Source, keys: RemoteKeys):
    assert await keys.key("k1") is not None
    source.kids = ["k2"]
    source.now += 3
    assert await keys.key("k2") is not None
    assert await keys.key("k1") is None
    source.now += 59
    assert await keys.key("k2") is not None
    assert source.fetches == 2
    source.now += 2
    assert await keys.key("k2") is not None
    assert source.fetches == 3


@pytest.mark.parametrize(
    "answer",
    [
        _down,
        lambda: httpx.Response(500),
        lambda: httpx.Response(200, text="<html>"),
        lambda: httpx.Response(200, json=[]),
        lambda: httpx.Response(200, json={"keys": "none"}),
        lambda: httpx.Response(200, json={"keys": []}),
    ],
)
async def test_keys_that_are_known_outlive_an_outage(
    source: Source, keys: RemoteKeys, answer: Callable[[], httpx.Response]
):
    await keys.key("k1")
    source.answer = answer
    for _ in range(3):
        source.now += 61
        assert await keys.key("k1") is not None
    assert await keys.key("k2") is None
    source.answer = None
    source.kids = ["k1", "k2"]
    source.now += 3
    assert await keys.key("k2") is not None


async def test_without_any_key_an_outage_is_unavailable_and_asked_about_now_and_then(
    source: Source, keys: RemoteKeys
):
    source.answer, source.hang = _down, 0.02
    results = await asyncio.gather(*(keys.key("k1") for _ in range(50)), return_exceptions=True)
    assert {type(r) for r in results} == {Unavailable}
    assert source.fetches == 1  # one that hangs does not hold up the other forty-nine in turn
    source.answer = None
    source.now += 3
    assert await keys.key("k1") is not None
    assert source.fetches == 2


async def test_a_key_of_another_kind_is_none_of_ours(source: Source, keys: RemoteKeys):
    rsa = json.loads(RSAAlgorithm.to_jwk(generate_private_key(65537, 2048).public_key()))
    mixed = {"keys": [{**rsa, "kid": "rsa", "alg": "RS256"}, _jwk("k1")]}
    source.answer = lambda: httpx.Response(200, json=mixed)
    assert await keys.key("rsa") is None
    assert await keys.key("k1") is not None

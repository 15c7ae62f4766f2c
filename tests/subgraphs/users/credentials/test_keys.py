"""The key ring: its folder, which key signs, and what is published."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from subgraphs.kit.auth.remote_keys import RemoteKeys
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.users.credentials import keys
from subgraphs.users.credentials.keys import KeyRing, KeyRingError, create_key


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture(autouse=True)
def look_always(monkeypatch):
    monkeypatch.setattr(keys, "RESCAN", 0.0)


def test_empty_folder_gets_a_first_key_that_only_its_owner_reads(folder):
    ring = KeyRing(folder)
    [path] = folder.glob("*.pem")
    assert path.stem == ring.signing_key().kid
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert KeyRing(folder).signing_key().kid == path.stem


def test_rings_that_open_together_make_one_key(folder):
    # A flock belongs to the opened file, so it parts threads as it parts processes.
    with ThreadPoolExecutor(8) as threads:
        kids = set(threads.map(lambda _: KeyRing(folder).signing_key().kid, range(8)))
    assert len(kids) == 1
    assert len(list(folder.glob("*.pem"))) == 1


async def test_public_key_is_derived_once(folder, monkeypatch):
    monkeypatch.setattr(keys, "RESCAN", 60.0)
    ring = KeyRing(folder)
    signing = ring.signing_key()
    first = await ring.key(signing.kid)
    assert first == signing.private.public_key()
    assert await ring.key(signing.kid) is first


async def test_new_key_is_published_before_it_signs(folder):
    ring = KeyRing(folder)
    old = ring.signing_key().kid
    coming = create_key(folder, active_from=datetime.now(UTC) + timedelta(minutes=10))
    assert {k["kid"] for k in ring.jwks()["keys"]} == {old, coming}
    assert ring.signing_key().kid == old
    assert await ring.key(coming) is not None


async def test_newest_active_key_signs_and_the_old_one_still_verifies(folder):
    folder.mkdir()
    create_key(folder, active_from=datetime.now(UTC) - timedelta(days=2))
    ring = KeyRing(folder)
    old = ring.signing_key().kid
    new = create_key(folder, active_from=datetime.now(UTC) - timedelta(days=1))
    assert ring.signing_key().kid == new
    assert await ring.key(old) is not None
    (folder / f"{old}.pem").unlink()
    assert await ring.key(old) is None


def test_key_of_any_other_name_is_as_old_as_can_be(folder):
    folder.mkdir()
    made = create_key(folder, active_from=datetime.now(UTC))
    (folder / f"{made}.pem").rename(folder / "primary.pem")
    ring = KeyRing(folder)
    assert ring.signing_key().kid == "primary"
    dated = create_key(folder, active_from=datetime.now(UTC) - timedelta(seconds=1))
    assert ring.signing_key().kid == dated


def test_ring_of_keys_to_come_signs_with_the_first(folder):
    folder.mkdir()
    create_key(folder, active_from=datetime.now(UTC) + timedelta(hours=2))
    first = create_key(folder, active_from=datetime.now(UTC) + timedelta(hours=1))
    assert KeyRing(folder).signing_key().kid == first


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None]
)
def test_file_that_is_no_ed25519_key_is_refused_by_name(folder, content):
    folder.mkdir()
    rsa = generate_private_key(65537, 2048)
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if content is None else content
    (folder / "wrong.pem").write_bytes(pem)
    with pytest.raises(KeyRingError, match=r"wrong\.pem is not an Ed25519"):
        KeyRing(folder)


def test_fault_of_the_folder_while_running_keeps_the_known_keys(folder):
    ring = KeyRing(folder)
    kid = ring.signing_key().kid
    (folder / "wrong.pem").write_text("nonsense")
    assert ring.signing_key().kid == kid
    (folder / "wrong.pem").unlink()
    (folder / f"{kid}.pem").unlink()
    assert ring.signing_key().kid == kid


def test_path_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KeyRingError, match="USERS_JWT_KEYS_DIR"):
        KeyRing(tmp_path / "file")


async def test_jwks_endpoint_lets_another_service_verify(client, ann, settings):
    response = await client.http.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "public, max-age=300"
    assert [set(k) for k in response.json()["keys"]] == [{"kty", "crv", "x", "kid", "alg", "use"}]
    assert jwt.PyJWKSet.from_dict(response.json()).keys[0].key_type == "OKP"
    remote = TokenVerifier(RemoteKeys(client.http, "/.well-known/jwks.json"), settings.jwt)
    viewer = await remote.verify(ann["accessToken"])
    assert viewer.user_id == ann["user"]["id"]
    assert viewer.session_id


async def test_service_that_knows_the_old_keys_verifies_tokens_of_a_new_one(folder):
    ring = KeyRing(folder)
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=ring.jwks()))
    ) as http:
        remote = RemoteKeys(http, "http://users/jwks", min_interval=0)
        assert await remote.key(ring.signing_key().kid)
        new = create_key(folder, active_from=datetime.now(UTC))
        assert await remote.key(new)
        assert await remote.key("unknown") is None


async def test_service_forgets_a_key_that_was_taken_away(folder):
    folder.mkdir()
    leaked = create_key(folder, active_from=datetime.now(UTC) - timedelta(days=1))
    ring = KeyRing(folder)
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=ring.jwks()))
    ) as http:
        remote = RemoteKeys(http, "http://users/jwks", max_age=0)
        assert await remote.key(leaked)
        create_key(folder, active_from=datetime.now(UTC))
        (folder / f"{leaked}.pem").unlink()
        assert await remote.key(leaked) is None

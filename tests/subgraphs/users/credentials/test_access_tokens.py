"""Access tokens that must not be believed (RFC 8725)."""

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from subgraphs.users.credentials.keys import KeyRing

VICTIM = "01930000-0000-7000-8000-000000000000"


@pytest.fixture
def key(settings):
    return KeyRing(settings.jwt.keys_dir).signing_key()


def claims(**changes):
    now = datetime.now(UTC)
    good = {
        "iss": "supergraph",
        "aud": "supergraph",
        "sub": VICTIM,
        "role": "ADMIN",
        "perms": ["MANAGE_USERS"],
        "sid": VICTIM,
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
        "jti": VICTIM,
    }
    return {k: v for k, v in {**good, **changes}.items() if v is not None}


def signed(key, payload, *, algorithm="EdDSA", **headers):
    return jwt.encode(payload, key, algorithm=algorithm, headers={"typ": "at+jwt", **headers})


def raw(header, payload, signature=b""):
    parts = [orjson.dumps(header), orjson.dumps(payload, default=str), signature]
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


async def believed(client, token):
    """Whether the list of all accounts opens with `token`; else it must be a clean 401."""
    response = await client.post("{ users { totalCount } }", token)
    if response.status_code == 200:
        return True
    [error] = response.json()["errors"]
    assert response.status_code == 401
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["requestId"]
    assert response.json()["data"] is None
    return False


async def test_token_of_the_ring_s_key_is_believed(client, key):
    assert await believed(client, signed(key.private, claims(), kid=key.kid))


LATER = timedelta(minutes=1)
CLAIMS = {
    "expired": {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
    "not yet valid": {"nbf": datetime(2100, 1, 1, tzinfo=UTC)},
    "issued in the future": {"iat": datetime(2100, 1, 1, tzinfo=UTC)},
    "another issuer": {"iss": "elsewhere"},
    "another audience": {"aud": "elsewhere"},
    "subject of another type": {"sub": 7},
    "end of another type": {"exp": "never"},
    **{f"no {name}": {name: None} for name in ("exp", "iat", "nbf", "sub", "jti", "iss", "aud")},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
async def test_claims_that_do_not_hold_are_refused(client, key, changes):
    if isinstance(changes.get("sub"), int):
        token = raw({"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid}, {})
        head = token.split(".", maxsplit=1)[0]
        payload = {
            k: int(v.timestamp()) if isinstance(v, datetime) else v for k, v in claims(**changes).items()
        }
        body = urlsafe_b64encode(orjson.dumps(payload)).decode().rstrip("=")
        signature = key.private.sign(f"{head}.{body}".encode())
        token = f"{head}.{body}.{urlsafe_b64encode(signature).decode().rstrip('=')}"
    else:
        token = signed(key.private, claims(**changes), kid=key.kid)
    assert not await believed(client, token)


@pytest.mark.parametrize("typ", ["JWT", "at+JWT", "application/at+jwt", "refresh", None])
async def test_token_of_another_type_is_refused(client, key, typ):
    token = jwt.encode(claims(), key.private, algorithm="EdDSA", headers={"kid": key.kid, "typ": typ})
    assert not await believed(client, token)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
async def test_token_without_a_signature_is_refused(client, key, alg):
    payload = {k: int(v.timestamp()) if isinstance(v, datetime) else v for k, v in claims().items()}
    assert not await believed(client, raw({"alg": alg, "typ": "at+jwt", "kid": key.kid}, payload))


async def test_signature_of_another_key_is_refused(client, key):
    other = Ed25519PrivateKey.generate()
    assert not await believed(client, signed(other, claims(), kid=key.kid))


@pytest.mark.parametrize("kid", ["unknown", "", "../../etc/passwd", "a\x00b", None, 7])
async def test_unknown_kid_is_refused(client, key, kid):
    header = {"alg": "EdDSA", "typ": "at+jwt"} | ({} if kid is None else {"kid": kid})
    good = signed(key.private, claims(), kid=key.kid)
    signature = good.rsplit(".", 1)[1]
    token = raw(header, claims()).rsplit(".", 1)[0] + "." + signature
    assert not await believed(client, token)


async def test_public_key_as_a_shared_secret_is_refused(client, key):
    public = key.private.public_key()
    header = {"alg": "HS256", "typ": "at+jwt", "kid": key.kid}
    payload = {k: int(v.timestamp()) if isinstance(v, datetime) else v for k, v in claims().items()}
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
    ):
        unsigned = raw(header, payload).rstrip(".")
        signature = hmac.digest(secret, unsigned.encode(), sha256)
        token = f"{unsigned}.{urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert not await believed(client, token)


async def test_other_algorithm_under_a_known_kid_is_refused(client, key):
    rsa = generate_private_key(65537, 2048)
    assert not await believed(client, signed(rsa, claims(), algorithm="RS256", kid=key.kid))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u"])
async def test_key_that_the_token_brings_along_is_ignored(client, key, name):
    other = Ed25519PrivateKey.generate()
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(other.public_key(), as_dict=True)
    brought = jwk if name == "jwk" else "http://127.0.0.1:9/keys.json"
    assert not await believed(client, signed(other, claims(), kid=key.kid, **{name: brought}))


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_token_with_any_part_changed_is_refused(client, key, part):
    parts = signed(key.private, claims(), kid=key.kid).split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert not await believed(client, ".".join(parts))


async def test_permissions_written_into_a_token_of_ours_are_refused(client, ann):
    head, body, signature = ann["accessToken"].split(".")
    payload = jwt.decode(ann["accessToken"], options={"verify_signature": False})
    payload["perms"] = ["MANAGE_USERS"]
    body = urlsafe_b64encode(orjson.dumps(payload)).decode().rstrip("=")
    assert not await believed(client, f"{head}.{body}.{signature}")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic YTpi", "token", "Bearer a.b.c", "Bearer " + "x" * 9000]
)
async def test_header_that_is_no_bearer_token_is_refused(client, header):
    response = await client.http.post(
        "/graphql", json={"query": "{ me { id } }"}, headers={"authorization": header}
    )
    assert response.status_code == 401


async def test_refresh_token_is_no_access_token(client, ann):
    assert not await believed(client, ann["refreshToken"])

"""Tokens as every service checks them, with published keys and with a shared secret (RFC 8725)."""

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from subgraphs.kit.auth import tokens
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import ANONYMOUS
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.settings import JwtSettings

SECRET = "kTzU7mV2sXq9LrW4pYbN8cHdE3gJ6aFfQ0iRoSxM"
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()


class Keys:
    """A `KeySource` of one key."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def key(self, kid):
        self.asked.append(kid)
        return PUBLIC if kid == "k1" else None


class Ended:
    """Revocations that a test sets."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()

    async def revoked(self, session_id):
        return session_id in self.sessions


class Mode:
    """One way to sign, and a verifier for it."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.keys = Keys()
        self.ended = Ended()
        shared = algorithm == "HS256"
        self.settings = JwtSettings(secret=SecretStr(SECRET if shared else ""))
        self.key: Any = SECRET if shared else KEY
        self.verifier = TokenVerifier(None if shared else self.keys, self.settings, self.ended)

    def header(self, **changes):
        made = {"alg": self.algorithm, "typ": "at+jwt", "kid": "k1"} | changes
        return {k: v for k, v in made.items() if v is not None}

    def sign(self, payload, **headers):
        return jwt.encode(payload, self.key, algorithm=self.algorithm, headers=self.header(**headers))


@pytest.fixture(params=["EdDSA", "HS256"])
def mode(request):
    return Mode(request.param)


def claims(**changes):
    now = int(time.time())
    good = {"iss": "supergraph", "aud": "supergraph", "sub": "u1", "sid": "s1", "jti": "t1", "role": "ADMIN"}
    good |= {"perms": ["MANAGE_USERS"], "iat": now, "nbf": now, "exp": now + 300}
    return {k: v for k, v in (good | changes).items() if v is not None}


async def refused(mode, token):
    with pytest.raises(Unauthenticated):
        await mode.verifier.verify(token)
    return True


async def test_good_token_names_its_viewer(mode):
    viewer = await mode.verifier.verify(mode.sign(claims()))
    assert (viewer.user_id, viewer.role, viewer.session_id, viewer.token_id) == ("u1", "ADMIN", "s1", "t1")
    assert viewer.permissions == {"MANAGE_USERS"}


FALSE_CLAIMS = {
    "expired": {"exp": int(time.time()) - 60},
    "not yet valid": {"nbf": int(time.time()) + 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "another issuer": {"iss": "elsewhere"},
    "another audience": {"aud": "elsewhere"},
    "audiences of others": {"aud": ["a", "b"]},
    **{f"no {name}": {name: None} for name in ("exp", "iat", "nbf", "sub", "jti", "iss", "aud", "sid")},
}


@pytest.mark.parametrize("changes", FALSE_CLAIMS.values(), ids=FALSE_CLAIMS)
async def test_claims_that_do_not_hold_are_refused(mode, changes):
    assert await refused(mode, mode.sign(claims(**changes)))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+JWT", "refresh", "", None])
async def test_token_of_another_type_is_refused(mode, typ):
    # PyJWT writes `typ: JWT` where none is given, so the header is made by hand.
    assert await refused(mode, by_hand(mode, mode.header(typ=typ), claims()))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, "HS384", "ES256"])
async def test_algorithm_is_never_the_tokens_choice(mode, alg):
    assert await refused(mode, by_hand(mode, mode.header(alg=alg), claims()))


async def test_token_without_a_signature_is_refused(mode):
    head, body, _ = mode.sign(claims()).split(".")
    assert await refused(mode, f"{head}.{body}.")


async def test_signature_of_somebody_elses_key_is_refused(mode):
    other = Ed25519PrivateKey.generate() if mode.algorithm == "EdDSA" else SECRET[::-1]
    assert await refused(mode, jwt.encode(claims(), other, algorithm=mode.algorithm, headers=mode.header()))


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_token_with_any_part_changed_is_refused(mode, part):
    parts = mode.sign(claims()).split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert await refused(mode, ".".join(parts))


async def test_token_of_the_other_mode_is_refused(mode):
    other = Mode("HS256" if mode.algorithm == "EdDSA" else "EdDSA")
    assert await refused(mode, other.sign(claims()))


PUBLIC_FORMS = {
    "PEM": PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "raw": PUBLIC.public_bytes(Encoding.Raw, PublicFormat.Raw),
    "nothing": b"",
}


@pytest.mark.parametrize("secret", PUBLIC_FORMS.values(), ids=PUBLIC_FORMS)
async def test_public_key_as_a_shared_secret_is_refused(mode, secret):
    unsigned = ".".join(map(encoded, (mode.header(alg="HS256"), claims())))
    signature = hmac.digest(secret, unsigned.encode(), sha256)
    assert await refused(mode, f"{unsigned}.{encoded(signature)}")


async def test_rsa_signature_is_refused(mode):
    rsa = generate_private_key(65537, 2048)
    assert await refused(mode, jwt.encode(claims(), rsa, algorithm="RS256", headers=mode.header(alg="RS256")))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
async def test_key_that_the_token_brings_along_is_ignored(mode, name):
    other = Ed25519PrivateKey.generate()
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(other.public_key(), as_dict=True)
    brought = {"jwk": jwk, "x5c": ["AAAA"]}.get(name, "http://127.0.0.1:9/keys.json")
    headers = mode.header(alg="EdDSA", **{name: brought})
    assert await refused(mode, jwt.encode(claims(), other, algorithm="EdDSA", headers=headers))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], []])
async def test_extension_that_must_be_understood_is_refused(mode, crit):
    assert await refused(mode, by_hand(mode, mode.header(crit=crit), claims()))


@pytest.mark.parametrize("kid", ["unknown", "", "../../etc/passwd", "a\x00b", None, 7, ["k1"]])
async def test_unknown_kid_is_refused_where_kids_count_and_never_looked_up_elsewhere(mode, kid):
    token = by_hand(mode, mode.header(kid=kid), claims())
    if mode.algorithm == "EdDSA" or not isinstance(kid, str | None):
        assert await refused(mode, token)
    else:
        assert (await mode.verifier.verify(token)).user_id == "u1"
        assert mode.keys.asked == []


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "a" * 9000, "é", "e30.e30.", "bnVsbA.e30.AA"])
async def test_garbage_is_refused(mode, token):
    assert await refused(mode, token)


async def test_viewer_is_checked_again_for_its_session_and_its_time(mode):
    viewer = await mode.verifier.verify(mode.sign(claims()))
    await mode.verifier.check(viewer)
    mode.ended.sessions.add("s1")
    with pytest.raises(Unauthenticated, match="session has ended"):
        await mode.verifier.check(viewer)
    # Expired, yet within the leeway of a clock that differs.
    old = await mode.verifier.verify(mode.sign(claims(sid="s2", exp=int(time.time()) - 2)))
    with pytest.raises(Unauthenticated, match="expired"):
        await mode.verifier.check(old)
    await mode.verifier.check(ANONYMOUS)


def encoded(part: dict[str, Any] | bytes) -> str:
    raw = part if isinstance(part, bytes) else orjson.dumps(part)
    return urlsafe_b64encode(raw).decode().rstrip("=")


def by_hand(mode: Mode, header: dict[str, Any], payload: dict[str, Any]) -> str:
    """Rightly signed, with any header whatever."""
    unsigned = f"{encoded(header)}.{encoded(payload)}"
    if mode.algorithm == "HS256":
        return f"{unsigned}.{encoded(hmac.digest(SECRET.encode(), unsigned.encode(), sha256))}"
    return f"{unsigned}.{encoded(KEY.sign(unsigned.encode()))}"


class Rotating:
    """A `KeySource` whose keys a test changes."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys

    async def key(self, kid):
        return self.keys.get(kid)


@pytest.fixture
def decoded(monkeypatch):
    """The tokens whose signature is looked at."""
    seen = []
    decode = jwt.decode
    monkeypatch.setattr(
        jwt, "decode", lambda token, *rest, **more: seen.append(token) or decode(token, *rest, **more)
    )
    return seen


async def test_a_signature_is_verified_once_and_its_session_asked_about_each_time(mode, decoded):
    token = mode.sign(claims())
    first = await mode.verifier.verify(token)
    assert await mode.verifier.verify(token) == first
    assert decoded == [token]
    mode.ended.sessions.add("s1")
    await refused(mode, token)
    assert decoded == [token]


async def test_a_remembered_token_ends_with_its_time(mode):
    ended = int(time.time()) - 4  # of the leeway of 5 seconds, a part is left
    token = mode.sign(claims(exp=ended))
    await mode.verifier.verify(token)
    await asyncio.sleep(ended + 5.01 - time.time())
    await refused(mode, token)


async def test_a_remembered_token_ends_with_its_key(decoded):
    mode = Mode("EdDSA")
    keys = Rotating(k1=PUBLIC)
    verifier = TokenVerifier(keys, mode.settings, mode.ended)
    token = mode.sign(claims())
    await verifier.verify(token)
    keys.keys["k1"] = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
    assert decoded == [token, token]
    keys.keys.clear()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
    keys.keys["k1"] = Ed25519PublicKey.from_public_bytes(PUBLIC.public_bytes(Encoding.Raw, PublicFormat.Raw))
    assert (await verifier.verify(token)).user_id == "u1"
    assert decoded == [token, token]


async def test_what_is_remembered_is_bounded_and_a_refused_token_is_not_in_it(mode, monkeypatch):
    monkeypatch.setattr(tokens, "_MOST_REMEMBERED", 2)
    for number in range(4):
        await mode.verifier.verify(mode.sign(claims(jti=f"t{number}")))
    await refused(mode, mode.sign(claims(aud="another")))
    assert len(mode.verifier._verified) == 2

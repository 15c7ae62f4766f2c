"""Access tokens that must not be accepted, at every endpoint where one may be shown (RFC 8725).

What stands here is signed by the real key wherever that is what makes the token dangerous: a check that is
missing at one endpoint would let it in there.
"""

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.security.endpoints import Endpoint
from tests.supergraph.conftest import Account


class TokenForger:
    """Signs changed tokens with the running system's own key."""

    def __init__(self, folder: Path, token: str) -> None:
        self.header = jwt.get_unverified_header(token)
        self.claims = jwt.decode(token, options={"verify_signature": False})
        pem = (folder / f"{self.header['kid']}.pem").read_bytes()
        key = load_pem_private_key(pem, password=None)
        assert isinstance(key, Ed25519PrivateKey)
        self.key = key

    def unsigned(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        present = ({k: v for k, v in part.items() if v is not None} for part in (header, claims))
        return ".".join(_encoded(orjson.dumps(part)) for part in present)

    def token(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Rightly signed, with these changes; None takes away."""
        text = self.unsigned({**self.header, **(header or {})}, {**self.claims, **claims})
        return f"{text}.{_encoded(self.key.sign(text.encode()))}"

    def confused(self, form: Encoding, shape: PublicFormat) -> str:
        """The public key as if it were a shared secret."""
        text = self.unsigned({**self.header, "alg": "HS256"}, self.claims)
        secret = self.key.public_key().public_bytes(form, shape)
        return f"{text}.{_encoded(hmac.digest(secret, text.encode(), sha256))}"


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
def forger(supergraph: dict[str, Any], customer: Account) -> TokenForger:
    folder = supergraph["children"]["users"]["env"]["USERS_JWT_KEYS_DIR"]
    return TokenForger(Path(folder), customer.token)


def _now() -> int:
    return int(time.time())


ATTACKS = {
    "expired": lambda f: f.token(iat=_now() - 900, nbf=_now() - 900, exp=_now() - 60),
    "not yet valid": lambda f: f.token(nbf=_now() + 3600),
    "issued in the future": lambda f: f.token(iat=_now() + 3600),
    "for another audience": lambda f: f.token(aud="elsewhere"),
    "of another issuer": lambda f: f.token(iss="https://elsewhere.example"),
    "of an unknown key": lambda f: f.token(header={"kid": "20200101T000000Z-00000000"}),
    "without a kid": lambda f: f.token(header={"kid": None}),
    "of another type": lambda f: f.token(header={"typ": "JWT"}),
    "without a type": lambda f: f.token(header={"typ": None}),
    "with a critical extension": lambda f: f.token(header={"crit": ["x"], "x": 1}),
    **{
        f"without {claim}": lambda f, claim=claim: f.token(**{claim: None})
        for claim in ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid")
    },
    "with a public key as its secret (PEM)": lambda f: f.confused(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ),
    "with a public key as its secret (raw)": lambda f: f.confused(Encoding.Raw, PublicFormat.Raw),
    "unsigned, of a known kid": lambda f: f.unsigned({**f.header, "alg": "none"}, f.claims) + ".",
}


async def test_token_signed_again_without_a_change_is_accepted(
    endpoints: list[Endpoint], forger: TokenForger
) -> None:
    token = forger.token()
    assert await asyncio.gather(*(endpoint.accepts(token) for endpoint in endpoints)) == [True] * len(
        endpoints
    )


@pytest.mark.parametrize("attack", ATTACKS)
async def test_false_token_is_refused_at_every_endpoint(
    endpoints: list[Endpoint], forger: TokenForger, attack: str
) -> None:
    token = ATTACKS[attack](forger)
    accepted = await asyncio.gather(*(endpoint.accepts(token) for endpoint in endpoints))
    assert [endpoint for endpoint, yes in zip(endpoints, accepted, strict=True) if yes] == []

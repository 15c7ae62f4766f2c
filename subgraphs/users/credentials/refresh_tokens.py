"""Refresh tokens: 32 bytes that name the family and 32 bytes of secret, both random, as base64url.

The database holds the SHA-256 of each half, which for 256 random bits is as good as a slow hash. Two
things follow from the halves:

* A token of the right family with a secret that is neither the current nor the last one was issued once
  and has been used: a replay, at any age, without a record of every token ever issued.
* For the grace after a rotation the successor must be told again, though only its hash is kept. So it
  is also kept sealed: XORed with a pad that HMAC-SHA-256 makes of the secret it succeeds. A pad is used
  for one successor only, since only one rotation of a token can win. Who reads the database learns
  nothing without the old token, and there is no server key to keep, to share or to lose.
"""

import binascii
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import Self

_HALF = 32


@dataclass(frozen=True, slots=True)
class RefreshToken:
    family: bytes
    secret: bytes

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(_HALF), secrets.token_bytes(_HALF))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token that `text` spells; None for what this system cannot have issued."""
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"==")
        except (UnicodeEncodeError, binascii.Error):
            return None
        token = cls(raw[:_HALF], raw[_HALF:])
        return token if len(raw) == 2 * _HALF and token.text == text else None

    @property
    def text(self) -> str:
        return urlsafe_b64encode(self.family + self.secret).decode().rstrip("=")

    @property
    def family_hash(self) -> bytes:
        return hashlib.sha256(self.family).digest()

    @property
    def secret_hash(self) -> bytes:
        return hashlib.sha256(self.secret).digest()

    def successor(self) -> Self:
        """Another token of the family."""
        return replace(self, secret=secrets.token_bytes(_HALF))

    def seal(self, successor: "RefreshToken") -> bytes:
        """The successor's secret, readable with this token only."""
        pad = hmac.digest(self.secret, b"successor", "sha256")
        return bytes(a ^ b for a, b in zip(successor.secret, pad, strict=True))

    def unseal(self, sealed: bytes) -> Self:
        """The successor that `seal` hid."""
        pad = hmac.digest(self.secret, b"successor", "sha256")
        return replace(self, secret=bytes(a ^ b for a, b in zip(sealed, pad, strict=True)))

    def __repr__(self) -> str:
        return "RefreshToken(…)"  # never in a log

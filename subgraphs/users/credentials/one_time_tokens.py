"""Tokens that are sent by e-mail, to reset a password or to confirm an address, and work once.

32 random bytes as base64url. The database keeps the SHA-256, which for 256 random bits is as good as a slow hash.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Self

_LENGTH = 43  # of 32 bytes in base64url without padding


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    text: str

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token that someone pasted; None for what none can be."""
        stripped = text.strip()
        return cls(stripped) if len(stripped) == _LENGTH and stripped.isascii() else None

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()

    def __repr__(self) -> str:
        return "OneTimeToken(…)"  # never in a log

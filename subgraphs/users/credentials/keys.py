"""The key ring: Ed25519 keys in a folder, one PEM file each, named `<kid>.pem`.

A kid that begins with an instant (`20260131T120000Z-1f0c9a2b`) names from when on its key signs. So a
new key is put into the folder some time ahead, is published at once, and signs only when every verifier
has had time to fetch it; taking an old one out of the folder ends the tokens that it signed. Any other
name is a key that has always been there. Several processes may share the folder.
"""

import fcntl
import os
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from subgraphs.kit.errors import StartError
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

SUFFIX = ".pem"
RESCAN = 5.0
"""Seconds until every process has seen a change of the folder."""
_INSTANT = "%Y%m%dT%H%M%SZ"
_OPEN_TO_OTHERS = 0o077


class KeyRingError(StartError):
    """The folder of keys cannot be used."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey = field(init=False)
    """Derived once: it is asked for with every request."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "public", self.private.public_key())

    @property
    def active_from(self) -> datetime:
        """When the key begins to sign; the beginning of time where its name says nothing."""
        match = re.match(r"\d{8}T\d{6}Z", self.kid)
        try:
            return datetime.strptime(match[0], _INSTANT).replace(tzinfo=UTC) if match else _ALWAYS
        except ValueError:
            return _ALWAYS

    @property
    def active_timestamp(self) -> float:
        """The same in Unix time; 0 where the name says nothing."""
        return 0.0 if self.active_from == _ALWAYS else self.active_from.timestamp()


_ALWAYS = datetime.min.replace(tzinfo=UTC)


class KeyRing:
    """The keys of one folder, looked at again every few seconds. A `KeySource` of the kit's verifier.

    Raises KeyRingError when it cannot be opened; later, a fault of the folder is logged and the keys
    that are known stay in use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, SigningKey] = {}
        self._scanned_at = float("-inf")
        try:
            with usable(folder), locked(folder):
                if not any(folder.glob(f"*{SUFFIX}")):
                    create_key(folder, active_from=datetime.now(UTC))
                self._keys = self._scan()
        except ValueError as error:
            raise KeyRingError(str(error)) from error

    def signing_key(self) -> SigningKey:
        """The newest key whose time has come; the first to come where none has."""
        self._refresh()
        return signing(in_order(self._keys.values()), now=datetime.now(UTC))

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        self._refresh()
        known = self._keys.get(kid)
        return known.public if known else None

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """All public keys as a JWK set (RFC 7517, RFC 8037), those to come included."""
        self._refresh()
        return {"keys": [_jwk(key) for _, key in sorted(self._keys.items())]}

    def _refresh(self) -> None:
        if time.monotonic() - self._scanned_at < RESCAN:
            return
        try:
            keys = self._scan()
        except (OSError, ValueError) as error:
            self._scanned_at = time.monotonic()
            log.warning("key_ring_unreadable", folder=str(self._folder), error=str(error))
            return
        if keys:
            self._keys = keys
        else:
            log.warning("key_ring_empty", folder=str(self._folder))

    def _scan(self) -> dict[str, SigningKey]:
        """The keys now in the folder; only new files are read. Raises ValueError for one that is no key."""
        keys = read_keys(self._folder, known=self._keys)
        self._scanned_at = time.monotonic()
        return keys


def read_keys(folder: Path, *, known: Mapping[str, SigningKey] | None = None) -> dict[str, SigningKey]:
    """The keys in `folder` by kid; those that are `known` are not read again. Raises OSError, ValueError."""
    paths = {path.stem: path for path in folder.glob(f"*{SUFFIX}")}
    return {kid: (known or {}).get(kid) or _load(path) for kid, path in paths.items()}


def in_order(keys: Iterable[SigningKey]) -> list[SigningKey]:
    """`keys` in the order in which they sign."""
    return sorted(keys, key=lambda k: (k.active_from, k.kid))


def signing(keys: Sequence[SigningKey], *, now: datetime) -> SigningKey:
    """The one of `keys`, which are in order and at least one, that signs at `now`."""
    active = [k for k in keys if k.active_from <= now]
    return active[-1] if active else keys[0]


def create_key(folder: Path, *, active_from: datetime) -> str:
    """Add a key that signs from `active_from` on; returns its kid. The file appears whole or not at all."""
    kid = f"{active_from.astimezone(UTC):{_INSTANT}}-{secrets.token_hex(4)}"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = folder / f".{kid}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:
            # Root may rotate the keys of a service that runs as the owner of the folder, and must read them.
            owner = folder.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(pem)
        file.flush()
        os.fsync(descriptor)
    part.rename(folder / f"{kid}{SUFFIX}")
    log.info("signing_key_created", kid=kid, active_from=active_from.isoformat())
    return kid


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turns what the system says against the folder into a KeyRingError."""
    try:
        yield
    except OSError as error:
        raise KeyRingError(
            f"the folder of signing keys {folder} cannot be used: {error.strerror}. "
            "Correct USERS_JWT_KEYS_DIR or its permissions."
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The only process in here; a folder that cannot be written, as a mounted secret, needs no lock."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        yield
        return
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _load(path: Path) -> SigningKey:
    if path.stat().st_mode & _OPEN_TO_OTHERS:
        log.warning("signing_key_open_to_others", path=str(path), remedy="chmod 600")
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if isinstance(private, Ed25519PrivateKey):
        return SigningKey(path.stem, private)
    raise ValueError(
        f"{path} is not an Ed25519 private key in PEM without a password. "
        f"Take it away, or make one with: openssl genpkey -algorithm ed25519 -out {path}"
    )


def _jwk(key: SigningKey) -> dict[str, str]:
    raw = key.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": urlsafe_b64encode(raw).decode().rstrip("="),
        "kid": key.kid,
        "alg": "EdDSA",
        "use": "sig",
    }

"""Changing the signing key while everything runs.

A key passes through three states. *Coming*: published, so that every verifier has it before a token needs
it. *Signing*. *Retired*: published still, since tokens that it signed are about; when the last has ended,
`prune` takes it away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from subgraphs.users.credentials.keys import (
    RESCAN,
    SUFFIX,
    KeyRingError,
    SigningKey,
    create_key,
    in_order,
    locked,
    read_keys,
    signing,
    usable,
)
from subgraphs.users.settings import UsersJwtSettings


class KeyState(StrEnum):
    COMING = "coming"
    SIGNING = "signing"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValidity:
    """From when on a key signs, and until when it verifies. `needed_until` is when the last token of a retired key has ended."""

    kid: str
    signs_from: datetime
    state: KeyState
    needed_until: datetime | None

    def finished(self, now: datetime) -> bool:
        return self.needed_until is not None and self.needed_until <= now


class KeyRotation:
    """The folder of keys, for who operates the service. Every method raises KeyRingError where it cannot be used."""

    def __init__(self, settings: UsersJwtSettings) -> None:
        if settings.secret.get_secret_value():
            raise KeyRingError(
                "tokens are signed with the shared secret JWT_SECRET, so no key is in use. "
                "Unset it to sign with keys; to change it, restart every service with another."
            )
        self._folder = settings.keys_dir
        # Whoever has not looked into the folder yet signs with the old key a little longer.
        self._token_life = settings.expires_in + settings.leeway + timedelta(seconds=RESCAN)
        self._lead = settings.key_lead

    def validities(self, *, now: datetime) -> list[KeyValidity]:
        """All keys, in the order in which they sign."""
        keys = self._read()
        if not keys:
            return []
        current = signing(keys, now=now)
        ended = {old.kid: new.active_from for old, new in pairwise(keys)}
        return [self._validity(key, current, ended.get(key.kid)) for key in keys]

    def rotate(self, *, now: datetime, at_once: bool = False) -> KeyValidity:
        """Add a key that signs when every verifier has it, or `at_once`; take away those that are done.

        Raises KeyRingError when one is coming already.
        """
        with usable(self._folder), locked(self._folder):
            present = self.validities(now=now)
            coming = [t for t in present if t.state is KeyState.COMING]
            if coming and not at_once:
                raise KeyRingError(
                    f"the key {coming[-1].kid} is coming already and signs from {coming[-1].signs_from:%H:%M:%S} UTC on"
                )
            lead = self._lead if present and not at_once else timedelta(0)
            kid = create_key(self._folder, active_from=now + lead)
        self.prune(now=now)
        return next(t for t in self.validities(now=now) if t.kid == kid)

    def prune(self, *, now: datetime) -> list[str]:
        """Take away the retired keys whose last token has ended; returns their kids."""
        with usable(self._folder), locked(self._folder):
            finished = [t.kid for t in self.validities(now=now) if t.finished(now)]
            for kid in finished:
                self._path(kid).unlink(missing_ok=True)
        return finished

    def remove(self, kid: str, *, now: datetime) -> None:
        """Take a key away with all its tokens, because someone else has it. Raises KeyRingError for the signing one."""
        with usable(self._folder), locked(self._folder):
            found = next((t for t in self.validities(now=now) if t.kid == kid), None)
            if found is None:
                raise KeyRingError(f"there is no key {kid!r}; `keys list` shows those that there are")
            if found.state is KeyState.SIGNING:
                raise KeyRingError(f"{kid} is the key that signs; bring in another first: keys rotate --now")
            self._path(kid).unlink()

    def _read(self) -> list[SigningKey]:
        try:
            with usable(self._folder):
                return in_order(read_keys(self._folder).values())
        except ValueError as error:
            raise KeyRingError(str(error)) from error

    def _validity(self, key: SigningKey, current: SigningKey, ended: datetime | None) -> KeyValidity:
        if key == current:
            state = KeyState.SIGNING
        elif key.active_from > current.active_from:
            state = KeyState.COMING
        else:
            state = KeyState.RETIRED
        needed_until = ended + self._token_life if state is KeyState.RETIRED and ended is not None else None
        return KeyValidity(kid=key.kid, signs_from=key.active_from, state=state, needed_until=needed_until)

    def _path(self, kid: str) -> Path:
        return self._folder / f"{kid}{SUFFIX}"

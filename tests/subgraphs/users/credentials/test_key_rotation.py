"""The life of a signing key, on a real folder and a clock that the test moves."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from subgraphs.users.credentials import keys
from subgraphs.users.credentials.key_rotation import KeyRotation, KeyState
from subgraphs.users.credentials.keys import KeyRing, KeyRingError, create_key
from subgraphs.users.settings import UsersJwtSettings

LEAD = timedelta(minutes=10)
# Tokens of 15 minutes, 5 s for clocks that differ, 5 s for a process that has not looked into the folder yet.
TOKEN_LIFE = timedelta(minutes=15, seconds=10)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def rotation(folder):
    return KeyRotation(UsersJwtSettings(keys_dir=folder, key_lead=LEAD))


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


def states(rotation, now):
    return {t.kid: t.state for t in rotation.validities(now=now)}


def test_new_key_is_coming_then_signing_while_the_old_one_retires_and_goes(rotation, folder, now):
    old = create_key(make(folder), active_from=now - timedelta(days=30))
    new = rotation.rotate(now=now)
    assert (new.state, new.signs_from) == (KeyState.COMING, now + LEAD)
    assert states(rotation, now) == {old: KeyState.SIGNING, new.kid: KeyState.COMING}

    begun = now + LEAD
    assert states(rotation, begun) == {old: KeyState.RETIRED, new.kid: KeyState.SIGNING}
    assert rotation.validities(now=begun)[0].needed_until == begun + TOKEN_LIFE
    assert rotation.prune(now=begun + TOKEN_LIFE - timedelta(seconds=1)) == []
    assert rotation.prune(now=begun + TOKEN_LIFE) == [old]
    assert [p.stem for p in folder.glob("*.pem")] == [new.kid]


def test_first_key_signs_at_once(rotation, now):
    assert rotation.rotate(now=now).state is KeyState.SIGNING


def test_rotation_takes_away_what_is_finished(rotation, folder, now):
    oldest = create_key(make(folder), active_from=now - timedelta(days=60))
    old = create_key(folder, active_from=now - timedelta(days=30))
    new = rotation.rotate(now=now)
    assert oldest not in states(rotation, now)
    assert states(rotation, now) == {old: KeyState.SIGNING, new.kid: KeyState.COMING}


def test_second_rotation_waits_for_the_first(rotation, now):
    rotation.rotate(now=now)
    coming = rotation.rotate(now=now)
    with pytest.raises(KeyRingError, match=f"{coming.kid} is coming already"):
        rotation.rotate(now=now + timedelta(minutes=1))
    assert len(rotation.validities(now=now)) == 2


def test_leaked_key_is_replaced_at_once_and_removed(rotation, now):
    leaked = rotation.rotate(now=now - timedelta(days=1))
    with pytest.raises(KeyRingError, match="the key that signs"):
        rotation.remove(leaked.kid, now=now)
    new = rotation.rotate(now=now, at_once=True)
    assert new.state is KeyState.SIGNING
    rotation.remove(leaked.kid, now=now)
    assert states(rotation, now) == {new.kid: KeyState.SIGNING}


@pytest.mark.parametrize("kid", ["unknown", "../keys/x", ""])
def test_key_that_is_not_there_cannot_be_removed(rotation, now, kid):
    rotation.rotate(now=now)
    with pytest.raises(KeyRingError, match="there is no key"):
        rotation.remove(kid, now=now)
    assert len(rotation.validities(now=now)) == 1


async def test_running_ring_follows_the_folder(rotation, folder, now, monkeypatch):
    monkeypatch.setattr(keys, "RESCAN", 0.0)
    ring = KeyRing(folder)
    first = ring.signing_key().kid
    new = rotation.rotate(now=now + timedelta(seconds=1), at_once=True)
    assert {k["kid"] for k in ring.jwks()["keys"]} == {first, new.kid}
    rotation.remove(first, now=now + timedelta(seconds=2))
    assert await ring.key(first) is None
    assert await ring.key(new.kid) is not None


def test_folder_without_keys_is_no_fault(rotation, now):
    assert rotation.validities(now=now) == []


def test_file_that_is_no_key_is_named(rotation, folder, now):
    make(folder).joinpath("wrong.pem").write_text("nonsense")
    with pytest.raises(KeyRingError, match=r"wrong\.pem"):
        rotation.rotate(now=now)


def test_with_a_shared_secret_there_is_nothing_to_rotate(folder):
    secret = SecretStr("kTzU7mV2sXq9LrW4pYbN8cHdE3gJ6aFfQ0iRoSxM")
    with pytest.raises(KeyRingError, match="JWT_SECRET"):
        KeyRotation(UsersJwtSettings(keys_dir=folder, secret=secret))


def make(folder):
    folder.mkdir()
    return folder

"""What is refused as a shared secret, and that nothing random is."""

import base64
import secrets

import pytest

from subgraphs.kit.auth.secret_strength import weakness
from subgraphs.kit.settings import ServiceSettings, SettingsError

WEAK = {
    "": "has 0 bytes",
    "hunter2": "has 7 bytes",
    "kTzU7mV2sXq9LrW4pYbN8cHdE3gJ6aF": "has 31 bytes",
    "a" * 64: "repeats itself",
    "password" * 5: "repeats itself",
    "your-256-bit-secret-your-256-bit-secret": "repeats itself",
    "P@ssw0rd!P@ssw0rd!P@ssw0rd!P@ssw0rd!x": "repeats itself",
    "0123456789abcdefghijklmnopqrstuvwxyz": "alphabet",
    "qwertyuiopasdfghjklzxcvbnm123456": "keyboard",
    "your-super-secret-jwt-key-change-in-production": "words",
    "MySuperSecretJwtKeyForProduction2024!!": "words",
    "correct horse battery staple orange piano": "words",
    "supergraph-development-secret-key-2024": "words",
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAh4XTvw6rmB1cMCpB0fkQeO0\n-----END PUBLIC KEY-----": "another kind",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2hDk3lqo0y": "another kind",
}
RANDOM = {
    "hex": lambda: secrets.token_hex(32),
    "Base64": lambda: base64.b64encode(secrets.token_bytes(48)).decode(),
    "Base64 for URLs": lambda: secrets.token_urlsafe(32),
    "Base32": lambda: base64.b32encode(secrets.token_bytes(40)).decode(),
}


class Settings(ServiceSettings):
    prefix = "T"


@pytest.mark.parametrize(("secret", "reason"), WEAK.items())
def test_weak_secret_is_refused_for_its_reason(secret, reason):
    assert reason in (weakness(secret) or "")


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_random_secret_passes(make):
    # A false alarm is rare rather than impossible, and costs another try.
    assert sum(weakness(make()) is not None for _ in range(300)) <= 3


@pytest.mark.parametrize("secret", [s for s in WEAK if s])
def test_weak_secret_stops_the_start_and_the_message_says_what_to_do(monkeypatch, secret):
    monkeypatch.setenv("JWT_SECRET", secret)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert "openssl rand -base64 48" in str(refused.value)
    assert "unset JWT_SECRET" in str(refused.value)
    assert secret not in str(refused.value)


def test_strong_secret_is_taken_and_never_shown(monkeypatch):
    secret = secrets.token_urlsafe(48)
    monkeypatch.setenv("JWT_SECRET", secret)
    settings = Settings.load()
    assert settings.jwt.secret.get_secret_value() == secret
    assert secret not in repr(settings)


def test_without_one_keys_are_used(monkeypatch):
    monkeypatch.setenv("JWT_SECRET", "")
    assert Settings.load().jwt.secret.get_secret_value() == ""

"""Settings of the process."""

from datetime import timedelta

import pytest

from clients.rest.settings import Settings
from subgraphs.kit.settings import SettingsError


def test_sections_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REST_SERVICES_ROUTER", "http://router:4000")
    monkeypatch.setenv("REST_SERVICES_SUBSCRIPTIONS", "http://live:4000")
    monkeypatch.setenv("REST_STREAM_HEARTBEAT", "30s")
    settings = Settings.load()
    assert settings.server.port == 4010
    assert (settings.services.router, settings.services.subscriptions) == (
        "http://router:4000",
        "http://live:4000",
    )
    assert settings.stream.heartbeat == timedelta(seconds=30)


def test_an_unknown_key_is_refused_with_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REST_SERVICES_ROUTTER", "http://router:4000")
    with pytest.raises(SettingsError, match="did you mean REST_SERVICES_ROUTER"):
        Settings.load()

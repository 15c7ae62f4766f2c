from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from subgraphs.kit.settings import Section, ServiceSettings, SettingsError, parse_duration


class ShopSettings(ServiceSettings):
    prefix = "SHOP"
    default_database = "postgresql:shop"
    model_config = SettingsConfigDict(env_prefix="SHOP_")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DB_HOST", "REDIS_HOST", "REDIS_PORT", "EVENTS_URL", "JWT_SECRET", "JAEGER_URL"):
        monkeypatch.delenv(name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **env: str) -> ShopSettings:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return ShopSettings.load()


def test_the_defaults_are_the_documented_ones(monkeypatch: pytest.MonkeyPatch):
    server = load(monkeypatch).server
    assert (server.port, server.read_timeout, server.write_timeout, server.idle_timeout) == (
        8080,
        timedelta(seconds=15),
        timedelta(seconds=15),
        timedelta(seconds=60),
    )


@pytest.mark.parametrize(
    ("key", "value", "path", "expected"),
    [
        ("SHOP_SERVER_PORT", "9000", "server.port", 9000),
        ("SHOP_SERVER_GRPC_PORT", "9001", "server.grpc_port", 9001),
        ("SHOP_SERVER_READ_TIMEOUT", "1m30s", "server.read_timeout", timedelta(seconds=90)),
        ("SHOP_DATABASE_URL", "postgresql://db/x", "database.url", "postgresql://db/x"),
        ("SHOP_SERVICES_PRODUCTS_GRPC", "p:1", "services.products_grpc", "p:1"),
        ("JAEGER_URL", "http://jaeger:4318", "tracing.url", "http://jaeger:4318"),
        ("TRACING_SAMPLE_RATIO", "0.1", "tracing.sample_ratio", 0.1),
        ("USER_SERVICE_URL", "http://u", "services.users", "http://u"),
        ("PRODUCT_SERVICE_URL", "http://p", "services.products", "http://p"),
        ("ORDER_SERVICE_URL", "http://o", "services.orders", "http://o"),
        ("REDIS_HOST", "cache", "redis.url", "redis://cache:6379/0"),
        ("EVENTS_URL", "amqp://broker", "events.url", "amqp://broker"),
        ("REDIS_PORT", "1234", "redis.url", "redis://127.0.0.1:1234/0"),
        ("DB_HOST", "db", "database.url", "postgresql://db/shop"),
    ],
)
def test_a_name_of_the_environment_sets_its_field(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, path: str, expected: Any
):
    found: Any = load(monkeypatch, **{key: value})
    for part in path.split("."):
        found = getattr(found, part)
    assert found == expected


def test_the_documented_names_of_the_stores_say_how_they_are_reached(monkeypatch: pytest.MonkeyPatch):
    names = {"DB_HOST": "db", "DB_OPTIONS": "ssl=verify-full", "REDIS_HOST": "cache", "REDIS_PASSWORD": "a/b"}
    found = load(monkeypatch, **names)
    assert found.database.url == "postgresql://db/shop?ssl=verify-full"
    assert found.redis.url == "redis://:a%2Fb@cache:6379/0"
    found = load(monkeypatch, **names, REDIS_TLS_CA="/etc/ca.pem")
    assert found.redis.url == "rediss://:a%2Fb@cache:6379/0?ssl_ca_certs=/etc/ca.pem"


def test_the_documented_names_of_the_database_make_its_address(monkeypatch: pytest.MonkeyPatch):
    names = {"DB_HOST": "db", "DB_PORT": "6432", "DB_USER": "ann", "DB_PASSWORD": "pw", "DB_NAME": "sales"}
    assert load(monkeypatch, **names).database.url == "postgresql://ann:pw@db:6432/sales"


@pytest.mark.parametrize("secret", ["p@ss/w:rd#1?", "ä%20"])
def test_a_password_may_hold_any_character(monkeypatch: pytest.MonkeyPatch, secret: str):
    from sqlalchemy import make_url  # noqa: PLC0415

    url = make_url(load(monkeypatch, DB_HOST="db", DB_USER="a@b", DB_PASSWORD=secret).database.url)
    assert (url.username, url.password, url.host, url.database) == ("a@b", secret, "db", "shop")


def test_the_prefixed_name_wins_over_the_bare_one_and_both_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "shop.yaml"
    file.write_text(
        "server: {port: 1, idle_timeout: 2h}\nredis: {url: redis://file}\ntracing: {url: http://file}\n"
    )
    settings = load(
        monkeypatch,
        SHOP_CONFIG=str(file),
        SHOP_REDIS_URL="redis://prefixed",
        REDIS_HOST="bare",
        JAEGER_URL="http://bare",
        SHOP_SERVER_HOST="0.0.0.0",
    )
    assert settings.redis.url == "redis://prefixed"
    assert settings.tracing.url == "http://bare"
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 1)
    assert settings.server.idle_timeout == timedelta(hours=2)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("SHOP_SERVER_PROT", "did you mean SHOP_SERVER_PORT?"),
        ("SHOP_DATABSE_URL", "did you mean SHOP_DATABASE_URL?"),
        ("SHOP_ZZZ", "it is not a setting of this service"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(monkeypatch: pytest.MonkeyPatch, key: str, hint: str):
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **{key: "1"})
    assert str(refused.value) == f"{key}: unknown setting; {hint}"


def test_every_fault_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, SHOP_SERVER_PORT="many", SHOP_SERVER_READ_TIMEOUT="soon", SHOP_LOGGING_FORMAT="xml")
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in sorted(lines)] == [
        "logging.format",
        "server.port",
        "server.read_timeout",
    ]
    assert any("write it like 15s, 10m or 168h" in line for line in lines)


@pytest.mark.parametrize("text", ["server: {prot: 1}", "shop: 1"])
def test_an_unknown_key_of_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str):
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        load(monkeypatch, SHOP_CONFIG=str(file))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("168h", 604800),
        ("15s", 15),
        ("250ms", 0.25),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("7d", 604800),
        ("5", 5),
        ("0.5", 0.5),
        (5, 5),
    ],
)
def test_a_duration_is_written_with_its_unit(text: object, seconds: float):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "15 s", "s", "1h-5m", "15s!", "-5s"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch):
    settings = load(monkeypatch)
    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]
    assert issubclass(type(settings.server), Section)


def test_a_setting_and_a_bare_name_may_stand_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text("c2VydmljZS10b2tlbi1vZi1mb3J0eS1laWdodC1ieXRlcy1sb25n\n")
    password.write_text("p@ss word\n")
    found = load(
        monkeypatch,
        DB_HOST="db",
        DB_USER="shop",
        DB_PASSWORD_FILE=str(password),
        SHOP_SERVICES_TOKEN_FILE=str(token),
    )
    assert found.database.url == "postgresql://shop:p%40ss%20word@db/shop"
    assert found.services.token.get_secret_value() == "c2VydmljZS10b2tlbi1vZi1mb3J0eS1laWdodC1ieXRlcy1sb25n"


def test_the_secret_of_the_router_has_one_name_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    now, before = (
        "bmV3LXNlY3JldC1vZi10aGUtcm91dGVyLTQ4LWJ5dGVz-9a",
        "b2xkLXNlY3JldC1vZi10aGUtcm91dGVyLTQ4LWJ5dGVz-7f",
    )
    (tmp_path / "secret").write_text(f"{now}\n")
    found = load(monkeypatch, ROUTER_SECRET_FILE=str(tmp_path / "secret"), ROUTER_SECRET_PREVIOUS=before)
    assert found.server.router_secret.get_secret_value() == now
    assert found.server.router_secret_previous.get_secret_value() == before
    with pytest.raises(SettingsError, match=r"server\.router_secret: .* may ask every subgraph for anything"):
        load(monkeypatch, ROUTER_SECRET="short", ROUTER_SECRET_FILE="")


def test_a_file_that_is_missing_or_stands_beside_its_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    level = tmp_path / "level"
    level.write_text("debug")
    with pytest.raises(SettingsError) as caught:
        load(
            monkeypatch,
            DB_PASSWORD_FILE=str(tmp_path / "none"),
            SHOP_LOGGING_LEVEL="info",
            SHOP_LOGGING_LEVEL_FILE=str(level),
            SHOP_LOGING_FORMAT_FILE=str(level),
        )
    unknown, missing, twice = str(caught.value).splitlines()
    assert unknown.startswith("SHOP_LOGING_FORMAT_FILE: unknown setting")
    assert missing.startswith("DB_PASSWORD_FILE: the file cannot be read: ")
    assert twice == "SHOP_LOGGING_LEVEL_FILE: SHOP_LOGGING_LEVEL is set as well; set one of them"

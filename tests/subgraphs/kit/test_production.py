"""`config`, and what ENVIRONMENT=production refuses; each refusal is the only one."""

import json
import os
import re
import secrets
import subprocess
import sys

import pytest

from deploy.docker.edge import write
from deploy.local.children import ROOT
from deploy.local.edge import TemplateError

STRONG = secrets.token_urlsafe(48)
SAFE = {
    "ENVIRONMENT": "production",
    "ROUTER_SECRET": STRONG,
    "DB_HOST": "stores.example",
    "DB_PASSWORD": STRONG,
    "REDIS_HOST": "stores.example",
    "REDIS_PASSWORD": STRONG,
    "REDIS_TLS_CA": "/ca.pem",
}
OPTIONS = {"users": "ssl=verify-full", "products": "tls=true", "orders": "ssl=require"}


def run(service: str, command: str = "config", **more: str) -> subprocess.CompletedProcess[str]:
    prefix = service.upper()
    environment = {
        "PATH": os.environ["PATH"],
        "DB_OPTIONS": OPTIONS[service],
        f"{prefix}_SERVICES_TOKEN": STRONG,
        f"{prefix}_SERVER_INTROSPECTION": "false",
        **SAFE,
        **more,
    }
    given = {key: value for key, value in environment.items() if value}
    return subprocess.run(
        [sys.executable, "-m", f"subgraphs.{service}", command],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The names, after it was refused."""
    assert done.returncode == (2 if done.stderr else 0)
    return [line.partition(":")[0] for line in done.stderr.splitlines()[1:]]


@pytest.mark.parametrize("service", OPTIONS)
def test_safe_settings_are_accepted(service: str):
    assert refused(run(service)) == []


@pytest.mark.long  # thirty processes; the next test starts one that has many faults
@pytest.mark.parametrize(
    ("service", "change", "names"),
    [
        ("users", {"USERS_FIRST_ACCOUNT_ADMIN": "true"}, ["USERS_FIRST_ACCOUNT_ADMIN"]),
        ("orders", {"ORDERS_PAYMENTS_PROVIDER": "sandbox"}, ["ORDERS_PAYMENTS_PROVIDER"]),
        ("products", {"PRODUCTS_SERVER_INTROSPECTION": "true"}, ["PRODUCTS_SERVER_INTROSPECTION"]),
        ("users", {"USERS_SERVER_GRPC_REFLECTION": "true"}, ["USERS_SERVER_GRPC_REFLECTION"]),
        ("users", {"ROUTER_SECRET": ""}, ["USERS_SERVER_ROUTER_SECRET"]),
        ("users", {"USERS_SERVICES_TOKEN": ""}, ["USERS_SERVICES_TOKEN"]),
        ("users", {"DB_OPTIONS": ""}, ["USERS_DATABASE_PLAINTEXT"]),
        ("users", {"DB_OPTIONS": "ssl=prefer"}, ["USERS_DATABASE_PLAINTEXT"]),
        ("products", {"DB_OPTIONS": "replicaSet=rs"}, ["PRODUCTS_DATABASE_PLAINTEXT"]),
        ("orders", {"REDIS_TLS_CA": ""}, ["ORDERS_REDIS_PLAINTEXT"]),
        ("orders", {"EVENTS_URL": f"amqp://shop:{STRONG}@broker"}, ["ORDERS_EVENTS_PLAINTEXT"]),
        ("orders", {"EVENTS_URL": "amqps://guest:guest@broker"}, ["ORDERS_EVENTS_URL"]),
        ("users", {"DB_PASSWORD": "postgres"}, ["USERS_DATABASE_URL"]),
        ("users", {"DB_PASSWORD": "elevenchars"}, ["USERS_DATABASE_URL"]),
        ("users", {"DB_OPTIONS": "", "USERS_DATABASE_PLAINTEXT": "true"}, []),
        ("users", {"DB_OPTIONS": "", "DB_HOST": "127.0.0.1"}, []),
        (
            "products",
            {"PRODUCTS_DATABASE_URL": f"mongodb://p:{STRONG}@127.0.0.1:1,far.example:2/products"},
            ["PRODUCTS_DATABASE_PLAINTEXT"],
        ),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(service: str, change: dict[str, str], names: list[str]):
    assert refused(run(service, **change)) == names
    if names:
        assert run(service, **change, ENVIRONMENT="development").returncode == 0


def test_all_that_is_unsafe_is_told_at_once_and_no_process_serves():
    done = run("users", "serve", USERS_FIRST_ACCOUNT_ADMIN="true", ROUTER_SECRET="", DB_OPTIONS="")
    assert refused(done) == [
        "USERS_SERVER_ROUTER_SECRET",
        "USERS_DATABASE_PLAINTEXT",
        "USERS_FIRST_ACCOUNT_ADMIN",
    ]


def test_a_migration_is_held_to_what_it_uses():
    done = run("orders", "migrate", ROUTER_SECRET="", ORDERS_PAYMENTS_PROVIDER="sandbox", DB_OPTIONS="")
    assert refused(done) == ["ORDERS_DATABASE_PLAINTEXT"]


def test_weak_shared_secrets_are_refused_everywhere():
    done = run("users", ROUTER_SECRET="password" * 5, JWT_SECRET="short", ENVIRONMENT="development")
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == [
        "server.router_secret",
        "jwt.secret",
    ]


def test_an_unknown_environment_is_refused():
    done = run("users", ENVIRONMENT="prod")
    assert (done.returncode, done.stderr.splitlines()[1]) == (
        2,
        "ENVIRONMENT: 'prod' is none of development, production",
    )


def test_config_shows_what_holds_and_from_where_and_no_secret(tmp_path):
    (tmp_path / "orders.yaml").write_text("quota: {open_orders: 7}\n")
    (tmp_path / "token").write_text(STRONG)
    done = run(
        "orders",
        ORDERS_CONFIG=str(tmp_path / "orders.yaml"),
        ORDERS_SERVICES_TOKEN="",
        ORDERS_SERVICES_TOKEN_FILE=str(tmp_path / "token"),
        ORDERS_PAYMENT_WINDOW="10m",
        JWT_SECRET=STRONG,
    )
    assert done.returncode == 0, done.stderr
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines())
    rows = {name: tuple(part.strip() for part in value.rsplit("  # ", 1)) for name, value in shown.items()}
    assert STRONG not in done.stdout
    assert rows["ORDERS_QUOTA_OPEN_ORDERS"] == ("7", f"file {tmp_path}/orders.yaml")
    assert rows["ORDERS_SERVICES_TOKEN"] == ("********", f"file {tmp_path}/token")
    assert rows["ORDERS_PAYMENT_WINDOW"] == ("600s", "environment")
    assert rows["ORDERS_JWT_SECRET"] == ("********", "environment, by a documented name")
    assert rows["ORDERS_DATABASE_URL"] == (
        "postgresql://:********@stores.example/orders?ssl=require",
        "environment, by a documented name",
    )
    assert rows["ORDERS_WEBHOOKS_MOST"] == ("20", "default")
    assert sorted(json.loads(rows["ORDERS_WEBHOOKS_PORTS"][0])) == [443, 8443]
    assert rows["ORDERS_SERVER_GRPC_PORT"] == ("", "default")


def test_config_shows_a_rate_as_it_is_written():
    assert re.search(r"USERS_THROTTLE_LOGIN_PAIR=5/86400s +# default", run("users").stdout)


@pytest.mark.parametrize("pattern", [".*", "https?://.*", "null|https://shop.example", "https://[^/]+"])
def test_the_edge_lets_no_origin_in_that_nobody_named(pattern: str, tmp_path):
    environment = {"ENVIRONMENT": "production", "EDGE_CORS_ORIGIN_REGEX": pattern}
    with pytest.raises(TemplateError, match="EDGE_CORS_ORIGIN_REGEX"):
        write(tmp_path / "envoy.yaml", environment)
    assert list(tmp_path.iterdir()) == []

"""What is relaxed on one machine alone is strict where others reach the edge, unless it is named."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.components import SUBGRAPHS, select
from deploy.local.environment import Secrets, edge_values, settings
from deploy.local.exposure import (
    RELAXATIONS,
    ExposureError,
    edge_settings,
    reached_by_others,
    relaxed,
    summary,
    warning,
)
from deploy.local.ports import Ports
from deploy.local.topology import External, plan

RELAXED = {
    "USERS_FIRST_ACCOUNT_ADMIN": "true",
    "USERS_PASSWORDS_REFUSE_COMMON": "false",
    "USERS_THROTTLE_LOGIN_ADDRESS": "600000/1m",
    "USERS_THROTTLE_REGISTRATION_ADDRESS": "600000/1m",
    "USERS_THROTTLE_RESET_ADDRESS": "600000/1m",
    "ROUTER_MAX_CONNECTIONS_PER_ACCOUNT": "600000",
    "ROUTER_MAX_CONNECTIONS_PER_ADDRESS": "600000",
    "ROUTER_MAX_STARTS_PER_MINUTE": "600000",
    "ROUTER_EXPOSE_QUERY_PLAN": "true",
}
STUDIO = r"https://studio\.apollographql\.com"
LOCAL = rf"{STUDIO}|http://(localhost|127\.0\.0\.1)(:\d+)?"


def started(
    tmp_path: Path, host: str, *allowed: str, environ: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of users and router together, and of the edge, as a start with these options makes them."""
    environ = environ or {}
    ports = Ports()
    topology = plan(
        select(only=(), without=()),
        external=External.read(environ),
        wanted={"edge": 0, "router": 0},
        ports=ports,
        edge_host=host,
    )
    ports.release()
    relaxations = relaxed(host, allowed)
    made = settings(
        topology,
        {name: {"database": "d", "redis": "r"} for name in SUBGRAPHS},
        secrets=Secrets(token="t", keys=tmp_path, router="r"),
        relaxations=relaxations,
        log_level="info",
        root=tmp_path,
        environ=environ,
    )
    edge = edge_values(topology, environ, relaxations=relaxations, root=tmp_path, data=tmp_path)
    return made["users"] | made["router"], edge


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_this_machine_alone_has_everything_relaxed(tmp_path: Path, host: str):
    assert not reached_by_others(host)
    assert relaxed(host, ()) == list(RELAXATIONS.values())
    users, edge = started(tmp_path, "127.0.0.1")
    assert {key: users.get(key) for key in RELAXED} == RELAXED
    assert (edge["RATE_LIMIT_PER_MINUTE"], edge["RATE_LIMIT_BURST"]) == ("600000", "600000")
    assert edge["CORS_ORIGIN_REGEX"] == LOCAL
    assert warning(host, users) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "10.0.0.1", "fe80::1", "shop.example"])
def test_an_address_that_others_reach_has_nothing_relaxed(host: str):
    assert reached_by_others(host)
    assert relaxed(host, ()) == []


def test_strict_settings_are_the_services_own_and_a_limit_at_the_edge(tmp_path: Path):
    users, edge = started(tmp_path, "0.0.0.0")
    assert RELAXED.keys() & users.keys() == set()
    assert (edge["RATE_LIMIT_PER_MINUTE"], edge["RATE_LIMIT_BURST"]) == ("300", "300")
    assert edge["CORS_ORIGIN_REGEX"] == STUDIO
    assert edge["EDGE_HOST"] == "0.0.0.0"


@pytest.mark.parametrize(
    ("name", "users_settings", "limit", "origins"),
    [
        ("first-account-admin", {"USERS_FIRST_ACCOUNT_ADMIN"}, "300", STUDIO),
        ("common-passwords", {"USERS_PASSWORDS_REFUSE_COMMON"}, "300", STUDIO),
        (
            "unlimited-requests",
            {key for key in RELAXED if key.startswith(("USERS_THROTTLE_", "ROUTER_MAX_"))},
            "600000",
            STUDIO,
        ),
        ("query-plans", {"ROUTER_EXPOSE_QUERY_PLAN"}, "300", STUDIO),
        ("local-origins", set(), "300", LOCAL),
    ],
)
def test_each_name_relaxes_its_own_settings_and_no_other(
    tmp_path: Path, name: str, users_settings: set[str], limit: str, origins: str
):
    users, edge = started(tmp_path, "0.0.0.0", name)
    assert RELAXED.keys() & users.keys() == users_settings
    assert {key: users[key] for key in users_settings} == {k: RELAXED[k] for k in users_settings}
    assert (edge["RATE_LIMIT_PER_MINUTE"], edge["CORS_ORIGIN_REGEX"]) == (limit, origins)


def test_the_first_account_is_no_administrator_on_a_database_of_others(tmp_path: Path):
    users, _ = started(tmp_path, "127.0.0.1", environ={"USERS_DATABASE_URL": "postgresql://db/users"})
    assert "USERS_FIRST_ACCOUNT_ADMIN" not in users
    assert users["USERS_PASSWORDS_REFUSE_COMMON"] == "false"


def test_an_unknown_name_is_refused_with_the_near_one():
    with pytest.raises(
        ExposureError, match=r"nothing called 'first-admin' to allow\. Did you mean first-acc"
    ):
        relaxed("127.0.0.1", ["first-admin"])


def test_what_is_said_to_whom_others_reach_is_what_is_in_force():
    environ = {"EDGE_RATE_LIMIT_PER_MINUTE": "600000"}
    allowed = relaxed("0.0.0.0", ["first-account-admin"])
    found = {"USERS_FIRST_ACCOUNT_ADMIN": "true", **edge_settings(allowed, environ)}
    assert warning("0.0.0.0", found) == [
        "Other machines reach the edge, on 0.0.0.0.",
        "first-account-admin is on: the first account that registers becomes the administrator.",
        "unlimited-requests is on: requests, logins and registrations from one address are as good as unlimited.",
        "Off, unlike on this machine alone: common-passwords, query-plans, local-origins. --allow NAME turns one on.",
    ]
    assert summary("0.0.0.0", found) == (
        "other machines, on 0.0.0.0; relaxed: first-account-admin, unlimited-requests"
    )
    strict = edge_settings([], {})
    assert summary("192.168.1.7", strict) == "other machines, on 192.168.1.7; relaxed: nothing"
    assert warning("192.168.1.7", strict)[-1] == (
        "An administrator is made by: supergraph users create-admin"
    )

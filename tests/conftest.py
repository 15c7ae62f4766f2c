"""What all tests share: each engine, and the whole system, started once for all workers when a test asks for it."""

import functools
import gc
import sys
from typing import Any

import httpx
import pytest
from hypothesis import settings

from tests.harness import file_order, launcher
from tests.harness.engines import Engines
from tests.harness.log_scan import leaks

# Each client would read the authorities of TLS anew, which takes 17 ms and which no client of the tests asks.
httpx._transports.default.create_ssl_context = functools.cache(httpx.create_ssl_context)

# What imports make is never garbage; until all tests are collected, nothing is looked for.
gc.disable()

# The engines share the machine with the tests: how long one example takes says nothing.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        launcher.open_run()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What the system of the run has logged is looked through once all tests are done with it."""
    if hasattr(session.config, "workerinput"):
        return
    if found := leaks(launcher.folder() / "supergraph" / "logs"):
        sys.stderr.write("\nLogs of the supergraph hold what none may:\n  " + "\n  ".join(found) + "\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        launcher.close_run()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=file_order.key)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session")
def engines() -> Engines:
    return Engines()


@pytest.fixture(scope="session")
def supergraph(engines: Engines) -> dict[str, Any]:
    """Addresses of the whole system, on databases of its own in the engines of the run."""
    env = {
        "USERS_DATABASE_URL": engines.postgres,
        "ORDERS_DATABASE_URL": engines.postgres.replace("/users", "/orders"),
        "PRODUCTS_DATABASE_URL": engines.mongo,
        "REDIS_URL": engines.redis,
        "ROUTER_SECRET": launcher.ROUTER_SECRET,
        # Each request is logged, and so can be followed by its ids.
        **{f"{name}_SERVER_SLOW_REQUEST": "0s" for name in ("USERS", "PRODUCTS", "ORDERS", "REST")},
        # Off by itself with stores that are not the launcher's own.
        "USERS_FIRST_ACCOUNT_ADMIN": "true",
        "ORDERS_PAYMENTS_PROVIDER": "sandbox",
        # What the sandbox's webhooks are signed with, so that tests can send some.
        "ORDERS_PAYMENTS_SANDBOX_WEBHOOK_SECRET": launcher.SANDBOX_SECRET,
        # A test changes the signing key, and waits until the new one signs.
        "USERS_JWT_KEY_LEAD": "10s",
        "EDGE_JWKS_CACHE": "2s",
        # The receivers of the tests are on this machine.
        "ORDERS_WEBHOOKS_ALLOW_HTTP": "true",
        "ORDERS_WEBHOOKS_ALLOW_PRIVATE": "true",
        "ORDERS_WEBHOOKS_PORTS": "[]",
    }
    # What each router does is tested in tests/router; here every machine runs the same one.
    arguments = ["--edge-port", "0", "--router-port", "0", "--router", "hive", "--seed"]
    return launcher.shared("supergraph", arguments, env=env)

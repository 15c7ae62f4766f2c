from importlib import metadata
from pathlib import Path

import pytest

from deploy.local import apollo
from deploy.local.children import ROOT
from deploy.local.doctor import installation
from deploy.local.doctor.finding import Level


@pytest.fixture
def installed() -> dict[str, str]:
    return {installation._plain(found.name): found.version for found in metadata.distributions()}


def test_this_environment_is_as_its_lock(installed):
    assert installation.packages(ROOT / "uv.lock", installed).level is Level.OK


def test_a_package_of_another_version_and_a_missing_one_are_named(installed):
    del installed["strawberry-graphql"]
    changed = {**installed, "httpx": "0.1.0"}
    found = installation.packages(ROOT / "uv.lock", changed)
    assert found.level is Level.FAULT
    assert found.found == (
        f"strawberry-graphql is missing; httpx is 0.1.0, the lock has {installed['httpx']}"
    )
    assert found.remedy == "make install"


def test_a_lock_that_cannot_be_read_is_a_fault(tmp_path):
    broken = tmp_path / "uv.lock"
    broken.write_text("no toml")
    assert installation.packages(broken, {}).level is Level.FAULT


def test_missing_packages_of_the_gateway_are_a_fault(tmp_path):
    (tmp_path / "package-lock.json").write_text("{}")
    found = installation.hive(tmp_path)
    assert (found.level, found.remedy) == (Level.FAULT, "make install")


def test_apollo_router_may_be_missing_but_not_named_wrongly(tmp_path: Path):
    found = installation.apollo_router({"PATH": ""}, tmp_path)
    assert (found.level, found.remedy) == (Level.NOTE, apollo.INSTALL)
    wrong = installation.apollo_router({"APOLLO_ROUTER_BIN": str(tmp_path / "none")}, tmp_path)
    assert wrong.level is Level.FAULT

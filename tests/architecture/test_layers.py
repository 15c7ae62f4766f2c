"""The import rules of pyproject.toml catch what they are for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.launcher import ROOT

# A line that must not stand in a file, and the rule that it breaks.
BREACHES = {
    "subgraphs/orders/events.py": ("import subgraphs.users.events", "A subgraph never imports another"),
    "subgraphs/kit/ids.py": ("import subgraphs.orders.domain", "The kit knows no domain"),
    "clients/rest/pagination.py": ("import subgraphs.products.domain", "Clients know the public schema only"),
    "clients/rest/models/base.py": ("import clients.rest.errors", "Layers of the REST layer"),
    "deploy/local/ports.py": ("import subgraphs.kit.ids", "The launcher starts services and imports none"),
    "subgraphs/products/graphql/loaders.py": ("import motor", "Motor is imported in one module"),
    "subgraphs/products/commands/seed.py": ("import secantus", "The GPL engine runs as a process of its own"),
    "subgraphs/orders/store.py": ("import subgraphs.orders.graphql.schema", "Layers of a slice"),
    "subgraphs/users/store/users.py": ("import subgraphs.users.service", "Layers of users"),
    "subgraphs/orders/domain.py": ("import sqlalchemy", "A domain is pure"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in ("subgraphs", "clients", "deploy", "schema"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_code_as_it_is_keeps_every_rule(copy: Path) -> None:
    linted = _lint(copy)
    assert linted.returncode == 0, linted.stdout


def test_each_breach_is_caught_by_its_rule(copy: Path) -> None:
    for name, (line, _) in BREACHES.items():
        file = copy / name
        file.write_text(f"{file.read_text()}\n{line}\n")
    broken = [line for line in _lint(copy).stdout.splitlines() if " BROKEN" in line]
    for _, rule in BREACHES.values():
        assert any(rule in line for line in broken), f"{rule}: not caught"

"""The import rules of pyproject.toml catch what they are for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.launcher import ROOT

# A line that must not stand in a file, and the rule that it breaks.
BREACHES = {
    "subgraphs/orders/store/orders.py": ("import subgraphs.users.domain", "A subgraph never imports another"),
    "subgraphs/kit/ids.py": ("import subgraphs.orders.domain", "The kit knows no domain"),
    "clients/rest/pagination.py": ("import subgraphs.products.domain", "Clients know the public schema only"),
    "clients/rest/models/base.py": ("import clients.rest.errors", "Layers of the REST layer"),
    "deploy/local/ports.py": ("import subgraphs.kit.ids", "The launcher starts services and imports none"),
    "subgraphs/products/graphql/loaders.py": ("import motor", "Motor is imported in one module"),
    "subgraphs/products/commands/exports.py": (
        "import secantus",
        "The GPL engine runs as a process of its own",
    ),
    "subgraphs/products/store/products.py": ("import subgraphs.products.graphql.schema", "Layers of a slice"),
    "subgraphs/products/domain/products.py": ("import sqlalchemy", "A domain is pure"),
}
# Each contradicts the layers in its own way.
LAYER_BREACHES = {
    "a layer imports one above it": (
        "subgraphs/users/service/accounts.py",
        "import subgraphs.users.graphql.types",
    ),
    "two of one layer import each other": (
        "subgraphs/users/jobs/last_use.py",
        "import subgraphs.users.grpc.server",
    ),
    "the domain imports a store": (
        "subgraphs/orders/domain/orders.py",
        "import subgraphs.orders.store.orders",
    ),
    "a module is in no layer": ("subgraphs/products/helpers.py", ""),
}


def _copy(folder: Path) -> Path:
    """What import-linter reads, in `folder`, to be broken there."""
    for package in ("subgraphs", "clients", "deploy", "schema"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _copy(tmp_path_factory.mktemp("copy"))


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


@pytest.mark.parametrize(("name", "line"), LAYER_BREACHES.values(), ids=LAYER_BREACHES)
def test_each_way_to_leave_the_layers_is_caught(tmp_path: Path, name: str, line: str) -> None:
    folder = _copy(tmp_path)
    file = folder / name
    file.write_text((file.read_text() if file.exists() else "") + f"\n{line}\n")
    linted = _lint(folder)
    assert linted.returncode != 0
    assert "Layers of a slice BROKEN" in linted.stdout

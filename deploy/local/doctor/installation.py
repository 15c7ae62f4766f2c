"""The checkout and its environment: packages against their lock, Node.js, the routers."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from deploy.local import apollo, node
from deploy.local.children import ROOT
from deploy.local.doctor.finding import Finding, fault, note, ok

_PROJECT = "supergraph"
_SHOWN = 3
_INSTALL = "make install"


def look(data: Path) -> Iterator[Finding]:
    installed = {_plain(found.name): found.version for found in metadata.distributions()}
    yield packages(ROOT / "uv.lock", installed)
    yield hive()
    yield apollo_router(os.environ, data)


def packages(lock: Path, installed: Mapping[str, str]) -> Finding:
    """Those that are installed have the versions of the lock, and none is missing that the services import."""
    try:
        locked = tomllib.loads(lock.read_text())["package"]
    except (OSError, ValueError, KeyError) as error:
        return fault("packages", f"{lock} cannot be read: {error}", "git checkout uv.lock")
    versions: dict[str, set[str]] = {}
    for package in locked:
        versions.setdefault(_plain(package["name"]), set()).add(package["version"])
    project = next(package for package in locked if package["name"] == _PROJECT)
    wrong = [
        f"{need['name']} is missing"
        for need in project["dependencies"]
        if "marker" not in need and _plain(need["name"]) not in installed
    ]
    wrong += [
        f"{name} is {version}, the lock has {' or '.join(sorted(versions[name]))}"
        for name, version in sorted(installed.items())
        if name in versions and version not in versions[name]
    ]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return fault("packages", f"{'; '.join(wrong[:_SHOWN])}{more}", _INSTALL)
    return ok("packages", f"{sum(name in versions for name in installed)} as the lock has them")


def hive(folder: Path = node.ROUTER) -> Finding:
    try:
        program = node.program()
        node.check_installed(folder)
    except node.NodeError as error:
        return fault("Hive Gateway", str(error), _INSTALL)
    return ok("Hive Gateway", f"installed, with {program}")


def apollo_router(environ: Mapping[str, str], data: Path) -> Finding:
    try:
        found = apollo.find(environ, data)
    except apollo.ApolloError as error:
        return fault("Apollo Router", str(error), "Correct APOLLO_ROUTER_BIN, or unset it.")
    if found is None:
        return note("Apollo Router", "not found; Hive Gateway routes everything", apollo.INSTALL)
    return ok("Apollo Router", str(found))


def _plain(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()

"""docker-compose.yml and the Dockerfiles as data."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.local.children import ROOT

FILE = ROOT / "docker-compose.yml"
SERVICES = {"users": "USERS", "products": "PRODUCTS", "orders": "ORDERS", "rest": "REST"}
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
_COPY = re.compile(r"^COPY (?!--from)(.+) (\S+)$", re.MULTILINE)


def variables() -> dict[str, set[str]]:
    """The defaults that the file has for each name of `.env`."""
    found: dict[str, set[str]] = {}
    for name, default in _VARIABLE.findall(FILE.read_text()):
        found.setdefault(name, set()).add(default)
    return found


def example() -> dict[str, str]:
    """What `.env.example` sets."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def load(values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The file with `values` in place of its variables."""
    document: dict[str, Any] = _replaced(yaml.safe_load(FILE.read_text()), values or {})
    return document


def _replaced(part: Any, values: Mapping[str, str]) -> Any:
    """As compose does it: after the YAML is read, so that what stands for a variable is always text."""
    if isinstance(part, dict):
        return {key: _replaced(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_replaced(value, values) for value in part]
    if isinstance(part, str):
        return _VARIABLE.sub(lambda found: values.get(found[1]) or found[2], part)
    return part


def dockerfile(service: str) -> Path:
    return ROOT / str(load()["services"][service]["build"]["dockerfile"])


def copied(path: Path) -> list[tuple[str, str]]:
    """From where in the checkout to where in the image, of each file or folder that the last stage takes."""
    last = path.read_text().rpartition("\nFROM ")[2]
    return [(source, target) for sources, target in _COPY.findall(last) for source in str(sources).split()]


def make_secrets(folder: Path) -> Path:
    subprocess.run(["sh", ROOT / "deploy/docker/secrets.sh", folder], check=True)
    return folder

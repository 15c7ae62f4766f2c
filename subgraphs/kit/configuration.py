"""The settings as they hold: each by its name in the environment, with where its value came from, and no secret."""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from subgraphs.kit.secret_files import SUFFIX
from subgraphs.kit.settings import ServiceSettings
from subgraphs.kit.settings_sources import documented_values, names_of

MASK = "********"
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):(.+)@")


def effective(settings: ServiceSettings) -> str:
    """A line for each setting: name, value, and its source behind `#`. What holds a secret is masked."""
    rows = list(_rows(settings))
    width = max(len(assignment) for assignment, _ in rows)
    return "\n".join(f"{assignment:<{width}}  # {source}" for assignment, source in rows)


def _rows(settings: ServiceSettings) -> Iterator[tuple[str, str]]:
    kind = type(settings)
    values = settings.model_dump()
    documented = documented_values(kind)
    file = os.environ.get(f"{kind.prefix}_CONFIG")
    written = (yaml.safe_load(Path(file).read_text()) or {}) if file else {}
    for name, (section, field) in names_of(kind).items():
        value = values[section] if field is None else values[section][field]
        yield (
            f"{name}={_shown(value)}",
            _source(name, section, field, documented=documented, written=written, file=file),
        )


def _source(
    name: str,
    section: str,
    field: str | None,
    *,
    documented: dict[str, Any],
    written: dict[str, Any],
    file: str | None,
) -> str:
    if name in os.environ:
        return "environment"
    if named := os.environ.get(f"{name}{SUFFIX}"):
        return f"file {named}"
    if field in documented.get(section, {}):
        return "environment, by a documented name"
    if section in written and (field is None or field in written[section]):
        return f"file {file}"
    return "default"


def _shown(value: Any) -> str:
    """As the environment would have it, in one line."""
    match value:
        case SecretStr():
            shown = MASK if value.get_secret_value() else ""
        case None:
            shown = ""
        case bool():
            shown = str(value).lower()
        case timedelta():
            shown = f"{value.total_seconds():g}s"
        case tuple() | list() | frozenset():
            shown = json.dumps(list(value), default=str)
        case str():
            shown = _PASSWORD.sub(rf"\1:{MASK}@", value)
        case _:
            shown = str(value)
    return shown

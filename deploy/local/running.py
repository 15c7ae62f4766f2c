"""What runs on a data folder, for commands that look after it."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import LaunchError
from deploy.local.folder import DataFolder


class NotRunningError(LaunchError):
    """Nothing that the command could speak to; the message says what to do."""


def settings_of(part: str, data: Path) -> dict[str, str] | None:
    """The environment that `part` runs with on the data folder; None where nothing runs on it.

    Raises NotRunningError while a launcher is still starting there.
    """
    folder = DataFolder(data)
    if not folder.in_use():
        return None
    try:
        state = json.loads(folder.state.read_text())
    except (OSError, ValueError) as error:
        raise NotRunningError(
            f"The supergraph on {folder.path} is still starting, or belongs to another user. "
            "Wait until it is ready, or become that user."
        ) from error
    env: dict[str, str] = state["children"][part]["env"]
    return env


def settings_or_own(part: str, data: Path, environ: Mapping[str, str], *, asked: str) -> dict[str, str]:
    """What to run a command of `part` with: an address `asked` for in the environment, or what runs on `data`.

    The environment is taken alone: half of one system and half of another would be neither. Raises
    NotRunningError where there is neither.
    """
    if environ.get(asked):
        return {}
    found = settings_of(part, data)
    if found is None:
        raise NotRunningError(
            f"No supergraph runs on {data}. Start it (`make up`), name its data folder (--data FOLDER), or say where "
            f"the {part} service keeps its data: {asked}=…"
        )
    return found

"""What runs on a data folder, for commands that look after it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.data_folder import DataFolder
from deploy.local.errors import LaunchError


class NotRunningError(LaunchError):
    """Nothing that the command could speak to; the message says what to do."""


def state_of(data: Path) -> dict[str, Any] | None:
    """What the launcher on the data folder wrote down; None where none runs. Raises NotRunningError as `settings_of`."""
    folder = DataFolder(data)
    if not folder.in_use():
        return None
    try:
        state: dict[str, Any] = json.loads(folder.state.read_text())
    except (OSError, ValueError) as error:
        raise NotRunningError(
            f"The supergraph on {folder.path} is still starting, or belongs to another user. "
            "Wait until it is ready, or become that user."
        ) from error
    return state


def running(data: Path) -> dict[str, Any]:
    """The same, where a launcher must run. Raises NotRunningError."""
    state = state_of(data)
    if state is None:
        raise NotRunningError(
            f"No supergraph runs on {data}. Start it (`make up`), or name its data folder: --data FOLDER"
        )
    return state


def settings_of(component: str, data: Path) -> dict[str, str] | None:
    """The environment that `component` runs with on the data folder; None where nothing runs on it.

    Raises NotRunningError while a launcher is still starting there.
    """
    state = state_of(data)
    if state is None:
        return None
    env: dict[str, str] = state["children"][component]["env"]
    return env


def settings_or_own(component: str, data: Path, environ: Mapping[str, str], *, asked: str) -> dict[str, str]:
    """What to run a command of `component` with: an address `asked` for in the environment, or what runs on `data`.

    The environment is taken alone: half of one system and half of another would be neither. Raises
    NotRunningError where there is neither.
    """
    if environ.get(asked):
        return {}
    found = settings_of(component, data)
    if found is None:
        raise NotRunningError(
            f"No supergraph runs on {data}. Start it (`make up`), name its data folder (--data FOLDER), or say where "
            f"the {component} service keeps its data: {asked}=…"
        )
    return found

"""Commands of `supergraph` that a service carries out itself: `python -m subgraphs.users …` with the right settings."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.children import ROOT

_DEFAULT_DATA = ROOT / ".supergraph"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The data folder, and whatever is the service's to understand."""
    command.set_defaults(parser=command)
    command.add_argument(
        "--data",
        metavar="FOLDER",
        type=Path,
        default=_DEFAULT_DATA,
        help="data folder of the supergraph that is meant (default: .supergraph in the checkout)",
    )
    command.add_argument(
        "action", metavar="ACTION", nargs=argparse.REMAINDER, help="what to do; ACTION --help explains it"
    )


def split(options: argparse.Namespace) -> tuple[list[str], Path]:
    """What is the service's to understand, and the data folder, which may also be named behind the action."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data", type=Path, default=options.data)
    found, action = parser.parse_known_args(options.action)
    if not action:
        options.parser.error("say which ACTION")
    return action, found.data


def run(service: str, arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run the command at this terminal; returns its exit code."""
    quiet = {f"{service.upper()}_LOGGING_LEVEL": "warning", "SUPERGRAPH_PROGRAM": "supergraph"}
    finished = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", f"subgraphs.{service}", *arguments],
        env={**os.environ, **env, **quiet},
        cwd=ROOT,
        check=False,
    )
    return finished.returncode

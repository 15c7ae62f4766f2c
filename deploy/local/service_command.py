"""Commands of `supergraph` that a service carries out itself: `python -m subgraphs.users …` with the right settings."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.children import ROOT
from deploy.local.commands import data_option
from deploy.local.running import settings_or_own

Environment = Callable[[Sequence[str], Path], Mapping[str, str]]
"""From the action and the data folder to the settings that the service gets beside the environment's."""


def of_running(service: str) -> Environment:
    """The settings of the service on the data folder, unless the environment names a database for it.

    Help is given without either.
    """

    def environment(action: Sequence[str], data: Path) -> Mapping[str, str]:
        if {"-h", "--help"} & set(action):
            return {}
        return settings_or_own(service, data, os.environ, asked=f"{service.upper()}_DATABASE_URL")

    return environment


@dataclass(frozen=True, kw_only=True)
class ServiceCommand:
    """A subcommand of `supergraph` of the same name as the service's own command."""

    name: str
    service: str
    summary: str
    description: str
    epilog: str
    environment: Environment
    has_actions: bool = True
    """Whether an ACTION follows the name; otherwise options may."""

    def register(self, subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        """Its parser: the data folder, and whatever is the service's to understand."""
        command = subcommands.add_parser(
            self.name,
            help=self.summary,
            description=self.description,
            epilog=self.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # Without an action in front, options would be taken for ours: so nothing looks like one here.
            prefix_chars="-" if self.has_actions else "\0",
            add_help=self.has_actions,
        )
        command.set_defaults(run=self._run, parser=command)
        if self.has_actions:
            data_option.add(command)
        command.add_argument(
            "action", metavar="ACTION", nargs=argparse.REMAINDER, help="what to do; ACTION --help explains it"
        )

    def _run(self, options: argparse.Namespace) -> int:
        action, data = _split(options)
        if self.has_actions and not action:
            options.parser.error("say which ACTION")
        return _at_this_terminal(self.service, [self.name, *action], self.environment(action, data))


def _split(options: argparse.Namespace) -> tuple[list[str], Path]:
    """What is the service's to understand, and the data folder, which may also be named behind the action."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data", type=Path, default=getattr(options, "data", data_option.DEFAULT))
    found, action = parser.parse_known_args(options.action)
    return action, found.data


def _at_this_terminal(service: str, arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run the service's command; returns its exit code."""
    typed = {"SUPERGRAPH_PROGRAM": "supergraph", "SUPERGRAPH_FOLDER": str(Path.cwd())}
    quiet = {f"{service.upper()}_LOGGING_LEVEL": "warning"}
    finished = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", f"subgraphs.{service}", *arguments],
        env={**os.environ, **env, **quiet, **typed},
        cwd=ROOT,
        check=False,
    )
    return finished.returncode

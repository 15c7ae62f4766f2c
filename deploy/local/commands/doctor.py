"""`supergraph doctor`: what is wrong here, and the way out."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from deploy.local.commands import data_option
from deploy.local.data_folder import DataFolderError
from deploy.local.doctor import folder, installation, machine, system
from deploy.local.doctor.finding import Finding, Level, fault, ok
from deploy.local.running import NotRunningError, state_of

_MARKS = {Level.OK: "✓", Level.NOTE: "·", Level.FAULT: "✗"}
_DESCRIPTION = """\
Look for what is wrong with this machine, this installation, the data folder and the system that runs on it: Python, processor,
disk, memory, open files, ports and who has them; packages against their lock, Node.js, Hive Gateway, Apollo Router; rights,
versions and left locks of the data folder, the clock; each process, each store with its migrations, outboxes, dead
letters. One line each, with the way out. The exit code is 1 where something is wrong; notes do not count.
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "doctor",
        help="find what is wrong with this machine, installation or running system, and the way out",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    command.add_argument("--json", action="store_true", help="as JSON")
    data_option.add(command)


def _run(options: argparse.Namespace) -> int:
    found = list(findings(options.data.absolute()))
    if options.json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in found], indent=2) + "\n")
    else:
        sys.stdout.writelines(map(_line, found))
    return 1 if any(finding.level is Level.FAULT for finding in found) else 0


def findings(data: Path) -> Iterator[Finding]:
    """Everything that was looked at."""
    try:
        state = state_of(data)
        is_running, starting = state is not None, ""
    except (NotRunningError, DataFolderError) as error:
        state, is_running, starting = None, True, str(error)
    yield from machine.look(data, is_running=is_running)
    yield from installation.look(data)
    yield from folder.look(data, is_running=is_running)
    if state is not None:
        yield from system.look(state)
    elif starting:
        yield fault("system", starting, "Ask again in a minute.")
    else:
        yield ok("system", "does not run")


def _line(finding: Finding) -> str:
    remedy = f" — {finding.remedy}" if finding.remedy else ""
    return f"{_MARKS[finding.level]} {finding.what}: {finding.found}{remedy}\n"

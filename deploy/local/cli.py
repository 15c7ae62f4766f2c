"""The `supergraph` command. Each subcommand is a module of `commands`, loaded when it is asked for."""

import argparse
import sys
from collections.abc import Sequence
from pkgutil import resolve_name

from deploy.local.errors import LaunchError

COMMANDS = {
    "up": "deploy.local.commands.up",
    "status": "deploy.local.commands.status",
    "restart": "deploy.local.commands.restart",
    "log-level": "deploy.local.commands.log_level",
    "doctor": "deploy.local.commands.doctor",
    "backup": "deploy.local.commands.backup",
    "restore": "deploy.local.commands.restore",
    "router": "deploy.local.commands.router",
    "schema": "deploy.local.commands.schema",
    "users": "deploy.local.commands.users:COMMAND",
    "products": "deploy.local.commands.products:COMMAND",
    "stock": "deploy.local.commands.stock:COMMAND",
    "report": "deploy.local.commands.report:COMMAND",
    "keys": "deploy.local.commands.keys:COMMAND",
    "events": "deploy.local.commands.events:COMMAND",
}


def _parser(first: str) -> argparse.ArgumentParser:
    """Of the command that `first` names, and of all where it names none."""
    made = argparse.ArgumentParser(
        prog="supergraph",
        description="A commerce backend as one GraphQL supergraph: run it and look after it.",
    )
    subcommands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in [first] if first in COMMANDS else COMMANDS:
        resolve_name(COMMANDS[name]).register(subcommands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed with a message, 2 misused."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given[0] if given else "").parse_args(given)
    try:
        return int(options.run(options))
    except LaunchError as error:
        sys.stderr.write(f"supergraph: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""The `supergraph` command. Each subcommand is a module of `commands`."""

import argparse
import sys
from collections.abc import Sequence

from deploy.local.commands import (
    doctor,
    events,
    keys,
    products,
    report,
    restart,
    router,
    schema,
    status,
    stock,
    up,
    users,
)
from deploy.local.errors import LaunchError

COMMANDS = (
    up,
    status,
    restart,
    doctor,
    router,
    schema,
    users.COMMAND,
    products.COMMAND,
    stock.COMMAND,
    report.COMMAND,
    keys.COMMAND,
    events.COMMAND,
)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="supergraph",
        description="A commerce backend as one GraphQL supergraph: run it and look after it.",
    )
    subcommands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(subcommands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed with a message, 2 misused."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except LaunchError as error:
        sys.stderr.write(f"supergraph: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

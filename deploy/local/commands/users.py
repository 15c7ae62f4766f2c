"""`supergraph users`: accounts, for who operates the system."""

import argparse
import os

from deploy.local import service_command
from deploy.local.running import settings_or_own

_EPILOG = """\
actions:
  create-admin   open an account with the role ADMIN
  list           show accounts
  disable NAME   end an account's sessions and let it log in no more
  enable NAME    let it log in again

examples:
  supergraph users create-admin --username ann --email ann@example.com
  supergraph users create-admin --username ann --email ann@example.com --password-stdin < secret.txt
  supergraph users list --role ADMIN
  supergraph users disable mallory@example.com

The supergraph must run, since its database does; with USERS_DATABASE_URL set, that database is used instead, with
the other settings of the users service from the environment.
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "users",
        help="create an administrator, list, disable and enable accounts",
        description="Look after accounts from the command line, without an account of one's own.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    service_command.add_arguments(command)


def _run(options: argparse.Namespace) -> int:
    action, data = service_command.split(options)
    env: dict[str, str] = {}
    if not {"-h", "--help"} & set(action):
        env = settings_or_own("users", data, os.environ, asked="USERS_DATABASE_URL")
    return service_command.run("users", ["users", *action], env)

"""`supergraph users`: accounts, for who operates the system."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.running import settings_or_own
from deploy.local.service_command import ServiceCommand

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


def _environment(action: Sequence[str], data: Path) -> Mapping[str, str]:
    if {"-h", "--help"} & set(action):
        return {}
    return settings_or_own("users", data, os.environ, asked="USERS_DATABASE_URL")


COMMAND = ServiceCommand(
    name="users",
    service="users",
    summary="create an administrator, list, disable and enable accounts",
    description="Look after accounts from the command line, without an account of one's own.",
    epilog=_EPILOG,
    environment=_environment,
)

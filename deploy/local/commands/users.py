"""`supergraph users`: accounts, for who operates the system."""

from deploy.local.service_command import ServiceCommand, of_running

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

COMMAND = ServiceCommand(
    name="users",
    service="users",
    summary="create an administrator, list, disable and enable accounts",
    description="Look after accounts from the command line, without an account of one's own.",
    epilog=_EPILOG,
    environment=of_running("users"),
)

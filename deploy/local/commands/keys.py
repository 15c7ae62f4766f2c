"""`supergraph keys`: the keys that sign access tokens."""

import argparse
import os

from deploy.local import service_command
from deploy.local.folder import DataFolder
from deploy.local.running import settings_of

_EPILOG = """\
actions:
  list        show the keys, and which one signs
  rotate      add a key, which takes over when everyone has fetched it
  prune       take away the keys whose last token has ended
  remove KID  take a key away with all its tokens

examples:
  supergraph keys rotate                    now and then; nobody notices
  supergraph keys rotate --now              a key has leaked: sign with another at once,
  supergraph keys remove 20260131T120000Z-1f0c9a2b    and refuse the tokens of the leaked one

Running services see a change within seconds, without a restart. With USERS_JWT_KEYS_DIR set, that folder is meant.
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "keys",
        help="list and rotate the keys that sign access tokens",
        description="Look after the keys that sign access tokens, while the supergraph runs or not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    service_command.add_arguments(command)


def _run(options: argparse.Namespace) -> int:
    action, data = service_command.split(options)
    env: dict[str, str] = {}
    if not os.environ.get("USERS_JWT_KEYS_DIR"):
        running = settings_of("users", data)
        env = running if running is not None else {"USERS_JWT_KEYS_DIR": str(DataFolder(data).path / "keys")}
    return service_command.run("users", ["keys", *action], env)

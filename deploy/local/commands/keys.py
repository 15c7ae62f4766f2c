"""`supergraph keys`: the keys that sign access tokens."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.data_folder import DataFolder
from deploy.local.running import settings_of
from deploy.local.service_command import ServiceCommand

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


def _environment(_: Sequence[str], data: Path) -> Mapping[str, str]:
    if os.environ.get("USERS_JWT_KEYS_DIR"):
        return {}
    running = settings_of("users", data)
    return running if running is not None else {"USERS_JWT_KEYS_DIR": str(DataFolder(data).path / "keys")}


COMMAND = ServiceCommand(
    name="keys",
    service="users",
    summary="list and rotate the keys that sign access tokens",
    description="Look after the keys that sign access tokens, while the supergraph runs or not.",
    epilog=_EPILOG,
    environment=_environment,
)

"""`supergraph restore`: a backup into a data folder on which nothing runs."""

import argparse
from pathlib import Path

from deploy.local.backup.restore import restore
from deploy.local.commands import data_option
from deploy.local.commands.backup import say
from deploy.local.engines.mongo_servers import SERVERS

_DESCRIPTION = """\
Put what `supergraph backup` wrote into a data folder on which nothing runs. The archive is checked whole before anything is
touched; one that is damaged, or was made with other migrations, is refused and leaves nothing. At the end the
stock is compared with the reservations and mended, as they were read one after the other.

The data come back into the stores that `supergraph up` starts; with addresses of yours, use those stores' own tools.
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "restore",
        help="put a backup into a data folder on which nothing runs",
        description=_DESCRIPTION,
        epilog="example:\n  supergraph restore shop-2026-11-24.tar.gz --data .supergraph-2\n  supergraph up --data .supergraph-2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    command.add_argument("file", metavar="FILE", type=Path, help="the archive")
    command.add_argument(
        "--overwrite",
        action="store_true",
        help="delete what the data folder holds, and put the backup in its place",
    )
    command.add_argument(
        "--mongo-server",
        choices=[server.name for server in SERVERS],
        help="the server of MongoDB's protocol, as for `supergraph up`",
    )
    data_option.add(command)


def _run(options: argparse.Namespace) -> int:
    restore(
        options.file,
        options.data,
        overwrite=options.overwrite,
        mongo_server=options.mongo_server,
        say=say,
    )
    say(f"Restored. Start it: supergraph up --data {options.data}")
    return 0

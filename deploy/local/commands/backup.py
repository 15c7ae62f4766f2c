"""`supergraph backup`: everything that the system keeps, as one file, while it runs."""

import argparse
import asyncio
import sys
from pathlib import Path

from deploy.local.backup.save import save
from deploy.local.commands import data_option
from deploy.local.running import running

_DESCRIPTION = """\
Write everything that the running system keeps to one file: the databases of users, orders and products with the files of
images, the streams of events and revoked sessions of Redis, the signing keys and secrets. The system goes on meanwhile.

Whoever has the file can sign tokens: only its owner may read it, and it is not encrypted.
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "backup",
        help="write everything that the running system keeps to one file",
        description=_DESCRIPTION,
        epilog="example:\n  supergraph backup shop-$(date +%F).tar.gz",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    command.add_argument("file", metavar="FILE", type=Path, help="the archive, a .tar.gz")
    command.add_argument("--overwrite", action="store_true", help="replace FILE where it is there")
    data_option.add(command)


def _run(options: argparse.Namespace) -> int:
    target = options.file.absolute()
    asyncio.run(save(running(options.data), target, overwrite=options.overwrite, say=say))
    say(f"{target}, {target.stat().st_size / 1e6:.1f} MB")
    return 0


def say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()

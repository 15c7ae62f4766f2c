"""`supergraph router`: the binary of Apollo Router."""

import argparse
import sys

from deploy.local import apollo
from deploy.local.commands import data_option


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser("router", help="fetch the binary of Apollo Router")
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    install = actions.add_parser(
        "install",
        help=f"fetch Apollo Router {apollo.VERSION} (Elastic-2.0) into the data folder",
        description=f"Fetch Apollo Router {apollo.VERSION} from Apollo's releases, check it against the release's "
        "checksums and unpack it to bin/ in the data folder, where `supergraph up` finds it. It is under the Elastic "
        "License 2.0: free to run for one's own product, not to offer as a managed service.",
    )
    install.set_defaults(run=_install)
    data_option.add(install, means="data folder")
    install.add_argument(
        "--releases",
        metavar="URL",
        default=apollo.RELEASES,
        help="a mirror of the releases (default: %(default)s)",
    )


def _install(options: argparse.Namespace) -> int:
    sys.stdout.write(f"Installed {apollo.install(options.data, releases=options.releases)}\n")
    return 0

"""`supergraph restart`: the processes of a service anew, while it is used."""

import argparse
import sys

from deploy.local import control
from deploy.local.commands import data_option
from deploy.local.components import SCALABLE
from deploy.local.running import running

_DESCRIPTION = """\
Restart the processes of a service without a failed request: one after the other is taken out by the balancer, finishes
its requests, stops, starts with the code and settings of now, and is put in again when it is ready. Beside the only
process of a service a new one is started, which then takes over. Subscriptions and event streams end with their
process; their clients come back and go on behind the last event that they have.

The service must be behind the balancer: supergraph up --scale SERVICE=N, where N may be 1.
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "restart",
        help="restart services one process after the other, without a failed request",
        description=_DESCRIPTION,
        epilog="examples:\n  supergraph restart orders\n  supergraph restart users products orders rest",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    command.add_argument("services", metavar="SERVICE", nargs="+", choices=SCALABLE, help=", ".join(SCALABLE))
    command.add_argument(
        "--interrupt",
        action="store_true",
        help="restart a service, too, that nothing stands in front of; requests to it fail meanwhile",
    )
    data_option.add(command)


def _run(options: argparse.Namespace) -> int:
    state = running(options.data)
    for service in options.services:
        for said in control.ask(state, "restart", service=service, interrupt=options.interrupt):
            sys.stdout.write(f"{said}\n")
            sys.stdout.flush()
    return 0

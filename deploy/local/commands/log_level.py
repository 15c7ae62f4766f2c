"""`supergraph log-level`: how much the processes of a service log, while they run."""

import argparse
import os
import signal
import sys

from deploy.local.commands import data_option
from deploy.local.components import SCALABLE
from deploy.local.errors import LaunchError
from deploy.local.running import running

_SIGNALS = {"debug": signal.SIGUSR1, "configured": signal.SIGUSR2}


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "log-level",
        help="have a running service log everything, or what it is configured to",
        description="Change how much every process of a service logs, without a restart: everything (debug), or what its "
        "setting (PREFIX_LOGGING_LEVEL) says. A process that starts later begins with its setting. In a container the "
        "same is done by a signal: kill -USR1 for debug, kill -USR2 for the setting.",
    )
    command.set_defaults(run=_run)
    command.add_argument("service", choices=sorted(SCALABLE), help="whose processes")
    command.add_argument("level", choices=_SIGNALS, help="what they log from now on")
    data_option.add(command)


def _run(options: argparse.Namespace) -> int:
    processes = running(options.data)["children"][options.service]["processes"]
    told = []
    for process in processes:
        if process["started"] and process["pid"]:
            try:
                os.kill(process["pid"], _SIGNALS[options.level])
            except ProcessLookupError:
                continue
            told.append(process["name"])
    if not told:
        raise LaunchError(f"No process of {options.service} runs here.")
    sys.stdout.write(f"{options.level}: {', '.join(told)}\n")
    return 0

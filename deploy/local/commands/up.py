"""`supergraph up`: its options."""

import argparse
import asyncio
from pathlib import Path

from deploy.local.commands import data_option
from deploy.local.components import COMPONENTS, GROUPS, SCALABLE
from deploy.local.engines.mongo_servers import SERVERS
from deploy.local.exposure import explanation
from deploy.local.launch import launch
from deploy.local.ports import HIGHEST
from deploy.local.topology import GRPC_PORTS, HTTP_PORTS, LOOPBACK, PORTED

_NEWLINE = "\n"  # no backslash in an f-string before Python 3.12
_EPILOG = f"""\
components:
  {", ".join(COMPONENTS)}
  groups: {"; ".join(f"{name} = {', '.join(members)}" for name, members in GROUPS.items())}

relaxed for a person alone on this machine (--allow names):
{_NEWLINE.join(explanation())}

stores of yours:
  A store whose address is set is not started here. Each of these may be set in the environment:
    USERS_DATABASE_URL     postgresql://user:password@host:5432/users
    ORDERS_DATABASE_URL    postgresql://user:password@host:5432/orders
    PRODUCTS_DATABASE_URL  mongodb://host:27017/products
    REDIS_URL              redis://host:6379/0, or one each: USERS_REDIS_URL, PRODUCTS_REDIS_URL, ORDERS_REDIS_URL

settings:
  Every other setting of a service may be set in the environment, too, and goes before the launcher's:
    USERS_FIRST_ACCOUNT_ADMIN=false     the first account is no administrator
    EDGE_RATE_LIMIT_PER_MINUTE=300      requests a minute and client at the edge
    EDGE_RATE_LIMIT_BURST=300           and at once (default: as many as a minute)
    EDGE_ACCOUNT_RATE_LIMIT_PER_MINUTE=300
                                        the same for one account, from all its addresses (default: as for a client)
    EDGE_TRUSTED_HOPS=1                 proxies of yours in front that say who called (default: 0)
    EDGE_CORS_ORIGIN_REGEX=...          origins that browsers may call from
    EDGE_MAX_BODY_BYTES=1048576         largest request
    EDGE_MAX_UPLOAD_BYTES=8519680       largest form with a file
    EDGE_JWKS_CACHE=30s                 how often the edge fetches the keys that check tokens
    ROUTER_SECRET=...                   what the routers show to the subgraphs, instead of the data folder's router.secret
    JWT_SECRET=...                      sign tokens with this secret instead of with keys; at least 32 random bytes
    JAEGER_URL=http://host:4318         where traces go
    TRACING_SAMPLE_RATIO=0.1            the share of them that is recorded; 1 by default

examples:
  supergraph up                                   everything, on http://localhost:8080
  supergraph up --edge-port 9000                  another port
  supergraph up --only engines                    the stores alone, to work on a service
  supergraph up --scale products=2,orders=2        several processes of a service
  supergraph up --without users --logs orders     users runs in your debugger on port {HTTP_PORTS["users"]} (gRPC {GRPC_PORTS["users"]})
  supergraph up --data /tmp/other --edge-port 0   a second one beside the first
  supergraph up --edge-host 0.0.0.0 --allow first-account-admin
                                                  for the machines of one network
"""


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "up",
        help="start everything and show its logs, until Ctrl-C",
        description="Start the stores, the subgraphs, the router, the REST layer and the edge; seed a demo catalogue; "
        "print the addresses; then show the logs until Ctrl-C, which stops everything. A child that crashes is "
        "started again. Everything listens on 127.0.0.1, and the edge where --edge-host says.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)
    _what(command)
    _data(command)
    _ports(command)
    _exposure(command)
    _output(command)


def _run(options: argparse.Namespace) -> int:
    return asyncio.run(launch(options))


def _what(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("what to start")
    group.add_argument(
        "--only",
        metavar="COMPONENT,...",
        type=_names,
        default=(),
        help="start these components, and the engines they need, instead of everything",
    )
    group.add_argument(
        "--without",
        metavar="COMPONENT,...",
        type=_names,
        default=(),
        help="start everything but these components; the others expect them on their documented ports, or where "
        "--COMPONENT-port says",
    )
    group.add_argument(
        "--scale",
        metavar="SERVICE=N,...",
        type=_names,
        default=(),
        help=f"run N processes of these services ({', '.join(SCALABLE)}) behind a balancer, which `supergraph restart` "
        "needs to restart one without a failed request; N may be 1",
    )
    group.add_argument(
        "--router",
        choices=("auto", "apollo", "hive"),
        default="auto",
        help="what composes queries: Apollo Router, Hive Gateway, or (auto, the default) Apollo Router where its binary is "
        "found: APOLLO_ROUTER_BIN, `router` on PATH, bin/ in the data folder. Subscriptions are always Hive Gateway's",
    )
    group.add_argument(
        "--exit-with",
        metavar="PID",
        type=_pid,
        help="stop everything when the process PID is gone; for scripts and tests that may be killed",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=90.0,
        help="give up when a component is not ready this long after its start (default: %(default)g)",
    )


def _data(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("data")
    data_option.add(group, means="where the stores, keys and logs are kept between starts")
    group.add_argument(
        "--fresh",
        action="store_true",
        help="start with nothing: what the data folder holds is named, then deleted",
    )
    group.add_argument(
        "--mongo-server",
        metavar="NAME",
        choices=[server.name for server in SERVERS],
        help="the server of MongoDB's protocol: %(choices)s (default: the first of them that is installed)",
    )
    group.add_argument(
        "--seed",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="load the demo catalogue into an empty data folder. The default is to do so into the store started "
        "here, and not into one of yours (PRODUCTS_DATABASE_URL)",
    )


def _ports(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "ports",
        "0 is any free port. Those without a default are free ones; the table at the end of the start has them.",
    )
    defaults = {
        "edge": "of the edge, the one address clients need (default: 8080; in use is an error)",
        "router": "of the router (default: 4000; a free one when that is in use)",
        "apollo": "of Apollo Router, where it runs",
        "rest": "of the REST layer",
        "postgres": "of PostgreSQL",
        "redis": "of Redis",
        "mongo": "of the MongoDB-protocol server",
    }
    for component in PORTED:
        group.add_argument(
            f"--{component}-port",
            metavar="PORT",
            type=_port,
            help=f"port {defaults.get(component, f'of the subgraph {component}')}",
        )


def _exposure(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "exposure",
        "Some settings are relaxed while this machine alone reaches the edge, and strict where others do.",
    )
    group.add_argument(
        "--edge-host",
        metavar="ADDRESS",
        default=LOOPBACK,
        help="where the edge listens (default: %(default)s); 0.0.0.0 opens it to the network",
    )
    group.add_argument(
        "--allow",
        metavar="NAME,...",
        type=_names,
        default=(),
        help="relax these where others reach the edge, too; the names are listed below",
    )


def _output(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("output")
    logs = group.add_mutually_exclusive_group()
    logs.add_argument(
        "--logs",
        metavar="COMPONENT,...",
        type=_names,
        help="show the logs of these components alone (default: all); files in the data folder's logs/ have all of them",
    )
    logs.add_argument("--no-logs", action="store_true", help="show no logs; crashes are reported still")
    group.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="level of every component's log (default: %(default)s); debug shows the logs from the first moment",
    )
    group.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        help="when ready, write addresses, process ids and the settings of each component to FILE as JSON; it is "
        "kept up to date, and removed at the end",
    )


def _names(value: str) -> tuple[str, ...]:
    return tuple(name for name in value.replace(",", " ").split() if name)


def _port(value: str) -> int:
    try:
        port = int(value)
    except ValueError:
        port = -1
    if not 0 <= port <= HIGHEST:
        raise argparse.ArgumentTypeError(
            f"{value!r} is not a port: a number from 1 to {HIGHEST}, or 0 for any free one"
        )
    return port


def _pid(value: str) -> int:
    if not value.isdigit() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"{value!r} is not a process id")
    return int(value)

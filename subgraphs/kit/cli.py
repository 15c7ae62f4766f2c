"""The command line of a service: `python -m subgraphs.orders serve | migrate | schema | config`."""

import argparse
import gc
import getpass
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp

from subgraphs.kit import configuration, logs, production, tracing
from subgraphs.kit.errors import DomainError, StartError
from subgraphs.kit.outages import is_outage
from subgraphs.kit.settings import ServiceSettings, SettingsError, in_production

_INTERRUPTED = 130
# Objects alive after start are never garbage; scanning them in every full collection is what makes
# the slowest request in a hundred.
_GC_THRESHOLDS = (10_000, 20, 20)


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a service is to its command line."""

    name: str
    summary: str
    settings: Callable[[], ServiceSettings]
    open_app: Callable[[Any], AbstractAsyncContextManager[ASGIApp]]
    sdl: Callable[[], str] | None = None
    migrate: Callable[[Any], Awaitable[None]] | None = None
    commands: dict[str, "Command"] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of one service beside the common ones."""

    help: str
    run: Callable[[Any, argparse.Namespace], Awaitable[None]]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


def file_named(text: str) -> Path:
    """The file that somebody means by `text`: from the folder where the command was typed. A type of arguments."""
    return Path(os.environ.get("SUPERGRAPH_FOLDER", "")) / text


def typed_by() -> str:
    """Who a change is by that has no account: the name that this machine has for the person."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        name = f"user {os.getuid()}"
    return f"command line of {name}"


def main(service: Service, argv: list[str] | None = None) -> None:
    """Parse `argv` and run.

    Exits with a plain message: 2 for unusable settings or arguments, 1 for what stops a start or a command.
    """
    args = _parser(service).parse_args(argv)
    if args.command == "schema":
        assert service.sdl is not None  # noqa: S101 - the parser offers the command only with it
        sys.stdout.write(service.sdl() + "\n")
        return
    settings = _settings(service, args.command)
    if args.command == "config":
        return
    if args.command in service.commands:
        # Standard output is the command's own.
        logs.configure(service.name, settings.logging, stream=sys.stderr)
    else:
        logs.configure(service.name, settings.logging)
    if args.command == "serve":
        tracing.configure(service.name, settings.tracing)
    try:
        uvloop.run(_run(service, settings, args))
    except KeyboardInterrupt:
        if args.command in service.commands:
            sys.exit(_INTERRUPTED)
    except (StartError, DomainError) as error:
        sys.stderr.write(f"{service.name}: {error}\n")
        sys.exit(1)
    except Exception as error:
        if args.command not in service.commands or not is_outage(error):
            raise
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        sys.stderr.write(f"{service.name}: a store cannot be reached: {reason}\n")
        sys.exit(1)


def _settings(service: Service, command: str) -> ServiceSettings:
    """What `command` works with; `config` prints them. Exits with 2 where they cannot be used, or not in production.

    A command that only reaches the database is held to the settings of that alone.
    """
    try:
        settings = service.settings()
    except SettingsError as error:
        sys.stderr.write(f"{service.name}: the settings cannot be used\n{error}\n")
        sys.exit(2)
    if command == "config":
        sys.stdout.write(f"{configuration.effective(settings)}\n")
    check = production.findings if command in {"serve", "config"} else production.of_the_database
    if in_production() and (found := check(settings)):
        lines = "\n".join(map(str, found))
        sys.stderr.write(f"{service.name}: these settings are not for production\n{lines}\n")
        sys.exit(2)
    return settings


async def _run(service: Service, settings: ServiceSettings, args: argparse.Namespace) -> None:
    if args.command == "serve":
        if getattr(args, "migrate", False) and service.migrate is not None:
            await service.migrate(settings)
        await _serve(service, settings)
    elif args.command == "migrate":
        assert service.migrate is not None  # noqa: S101 - the parser offers the command only with it
        await service.migrate(settings)
    else:
        await service.commands[args.command].run(settings, args)


async def _serve(service: Service, settings: ServiceSettings) -> None:
    async with service.open_app(settings) as app:
        config = uvicorn.Config(
            app,
            host=settings.server.host,
            port=settings.server.port,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            # It would take the peer's address from X-Forwarded-For, which whoever is on this machine may write.
            proxy_headers=False,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=int(settings.server.idle_timeout.total_seconds()),
            timeout_graceful_shutdown=5,
        )
        # uvicorn raises the signal that ended it once more; by default that would end the process before
        # `open_app` has closed what it opened.
        signal.signal(signal.SIGTERM, lambda *_: None)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        await uvicorn.Server(config).serve()


def _parser(service: Service) -> argparse.ArgumentParser:
    prefix = service.name.upper()
    parser = argparse.ArgumentParser(
        prog=os.environ.get("SUPERGRAPH_PROGRAM") or f"python -m {_module()}",
        description=service.summary,
        epilog=f"Settings come from the environment as {prefix}_SECTION_FIELD, from the documented bare names, "
        f"and from the YAML file named by {prefix}_CONFIG. See the README.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve until interrupted")
    if service.migrate is not None:
        serve.add_argument("--migrate", action="store_true", help="bring the store's schema up to date first")
        commands.add_parser("migrate", help="bring the store's schema up to date and exit")
    commands.add_parser(
        "config",
        help="print the settings as they hold, secrets masked; in production, also refuse unsafe ones",
    )
    if service.sdl is not None:
        commands.add_parser("schema", help="print the subgraph's SDL")
    for name, command in service.commands.items():
        command.add_arguments(commands.add_parser(name, help=command.help, description=command.help))
    return parser


def _module() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else os.path.basename(sys.argv[0])  # noqa: PTH119 - a name, not a path

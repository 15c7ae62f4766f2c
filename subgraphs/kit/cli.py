"""The command line of a service: `python -m subgraphs.orders serve | migrate | schema | config`."""

import argparse
import gc
import getpass
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import uvloop

from subgraphs.kit import configuration, logs, production, tracing
from subgraphs.kit.errors import DomainError, StartError
from subgraphs.kit.outages import is_outage
from subgraphs.kit.settings import ServiceSettings, SettingsError
from subgraphs.kit.settings_sources import in_production

_INTERRUPTED = 130
_COMMON = {"serve", "migrate", "config", "schema"}


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a service is to its command line.

    What it consists of is named, as `module:name`, and loaded when a command asks for it: who prints the settings waits
    for no GraphQL schema, and a server that migrates nothing keeps no Alembic in memory.
    """

    name: str
    summary: str
    settings: str
    """Of a function that reads the settings."""
    open_app: str
    """Of a context manager that takes the settings and gives the ASGI application."""
    sdl: str = ""
    """Of a function that gives the schema of a subgraph."""
    migrate: str = ""
    """Of a coroutine function that takes the settings."""
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By name, each a `Command`; or first what makes one, and then what that takes."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of one service beside the common ones."""

    help: str
    run: Callable[[Any, argparse.Namespace], Coroutine[Any, Any, None]]
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
    arguments = sys.argv[1:] if argv is None else argv
    with _nothing_collected():
        commands = _commands(service, arguments)
        args = _parser(service, commands).parse_args(arguments)
        if args.command == "schema":
            sys.stdout.write(resolve_name(service.sdl)() + "\n")
            return
        settings = _settings(service, args.command)
        if args.command == "config":
            return
        run = _loaded(service, args, commands)
    if args.command in service.commands:
        # Standard output is the command's own.
        logs.configure(service.name, settings.logging, stream=sys.stderr)
    else:
        logs.configure(service.name, settings.logging)
    if args.command == "serve":
        tracing.configure(service.name, settings.tracing)
    try:
        uvloop.run(run(settings))
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


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """For imports: what they make is never garbage, and looking for some takes a quarter of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _settings(service: Service, command: str) -> ServiceSettings:
    """What `command` works with; `config` prints them. Exits with 2 where they cannot be used, or not in production.

    A command that only reaches the database is held to the settings of that alone.
    """
    try:
        settings: ServiceSettings = resolve_name(service.settings)()
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


def _commands(service: Service, arguments: list[str]) -> dict[str, Command]:
    """Those of the service's own commands that `arguments` may mean: one, or none, or where that is not plain, all."""
    first = arguments[0] if arguments else ""
    if first in _COMMON:
        return {}
    names = [first] if first in service.commands else service.commands
    return {name: _command(*service.commands[name]) for name in names}


def _command(name: str, *parts: str) -> Command:
    found = resolve_name(name)
    command: Command = found(*map(resolve_name, parts)) if parts else found
    return command


def _loaded(
    service: Service, args: argparse.Namespace, commands: dict[str, Command]
) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """What `args` ask for, with all that it imports; it takes the settings."""
    if command := commands.get(args.command):
        return lambda settings: command.run(settings, args)
    steps: list[Callable[[Any], Coroutine[Any, Any, None]]] = []
    if args.command == "migrate" or getattr(args, "migrate", False):
        steps.append(resolve_name(service.migrate))
    if args.command == "serve":
        steps.append(
            partial(resolve_name("subgraphs.kit.http.serving:serve"), resolve_name(service.open_app))
        )

    async def run(settings: ServiceSettings) -> None:
        for step in steps:
            await step(settings)

    return run


def _parser(service: Service, commands: dict[str, Command]) -> argparse.ArgumentParser:
    prefix = service.name.upper()
    parser = argparse.ArgumentParser(
        prog=os.environ.get("SUPERGRAPH_PROGRAM") or f"python -m {_module()}",
        description=service.summary,
        epilog=f"Settings come from the environment as {prefix}_SECTION_FIELD, from the documented bare names, "
        f"and from the YAML file named by {prefix}_CONFIG. See the README.",
    )
    offered = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = offered.add_parser("serve", help="serve until interrupted")
    if service.migrate:
        serve.add_argument("--migrate", action="store_true", help="bring the store's schema up to date first")
        offered.add_parser("migrate", help="bring the store's schema up to date and exit")
    offered.add_parser(
        "config",
        help="print the settings as they hold, secrets masked; in production, also refuse unsafe ones",
    )
    if service.sdl:
        offered.add_parser("schema", help="print the subgraph's SDL")
    for name, command in commands.items():
        command.add_arguments(offered.add_parser(name, help=command.help, description=command.help))
    return parser


def _module() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else os.path.basename(sys.argv[0])  # noqa: PTH119 - a name, not a path

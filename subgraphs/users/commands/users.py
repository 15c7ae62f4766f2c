"""`users`: accounts, for who operates the service."""

import argparse
import getpass
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.exc import ProgrammingError

from subgraphs.kit.auth.revocations import RedisRevocations
from subgraphs.kit.cli import Command, typed_by
from subgraphs.kit.errors import NotFound, StartError
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.text_table import text_table
from subgraphs.users.credentials.password_policy import PasswordPolicy
from subgraphs.users.credentials.passwords import Passwords
from subgraphs.users.domain.device import Device
from subgraphs.users.domain.permissions import Role
from subgraphs.users.domain.user import User, UserFilter, checked_search
from subgraphs.users.service import (
    AdminBootstrap,
    Administration,
    Directory,
    Operator,
    Registration,
    RevocationPublisher,
)
from subgraphs.users.settings import UsersSettings

_NO_TABLE = "42P01"  # PostgreSQL's undefined_table
_MOST_LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Services:
    """The use cases that the commands call."""

    directory: Directory
    administration: Administration
    bootstrap: AdminBootstrap


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    create = actions.add_parser(
        "create-admin",
        help="open an account with the role ADMIN",
        description="Open an account with the role ADMIN. The password is asked for at the terminal and not shown.",
        allow_abbrev=False,  # a password behind `--password` must not be taken for something else
    )
    create.add_argument("--username", required=True, help="3 to 32 letters, digits, `_`, `.` or `-`")
    create.add_argument("--email", required=True)
    create.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input instead of asking, for scripts; there is no "
        "option for the password itself, since other users of the machine can see options",
    )

    listing = actions.add_parser(
        "list", help="show accounts, newest first", description="Show accounts, newest first."
    )
    listing.add_argument("--search", default="", help="part of the username, e-mail address or name")
    listing.add_argument("--role", choices=[role.value for role in Role])
    listing.add_argument("--disabled", action="store_true", help="only those that are disabled")
    listing.add_argument(
        "--limit", type=_limit, default=100, metavar="N", help="at most N (default: %(default)s)"
    )
    listing.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")

    for name, description in (
        ("disable", "end the sessions of an account and let it log in no more"),
        ("enable", "let a disabled account log in again"),
    ):
        change = actions.add_parser(
            name, help=description, description=f"{description[0].upper()}{description[1:]}."
        )
        change.add_argument("name", metavar="NAME", help="its username, e-mail address or id")


def _limit(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MOST_LISTED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_LISTED}")
    return int(text)


async def _run(settings: UsersSettings, options: argparse.Namespace) -> None:
    # Asked for first: nobody should type a password twice to learn that the database is away, but neither should
    # a connection wait for a person.
    password = _password(from_stdin=options.password_stdin) if options.action == "create-admin" else ""
    async with _open(settings) as services:
        match options.action:
            case "create-admin":
                await _create_admin(services, options, password)
            case "list":
                await _list(services, options)
            case action:
                await _set_active(services, options.name, active=action == "enable")


@asynccontextmanager
async def _open(settings: UsersSettings) -> AsyncIterator[_Services]:
    async with AsyncExitStack() as stack:
        postgres = Postgres(settings.database, application="users-command")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        passwords = Passwords(settings.passwords)
        stack.callback(passwords.close)
        revocations = RevocationPublisher(
            postgres=postgres, revocations=RedisRevocations(redis), settings=settings.jwt
        )
        policy = PasswordPolicy(settings.passwords)
        try:
            yield _Services(
                directory=Directory(postgres=postgres),
                administration=Administration(postgres=postgres, revocations=revocations),
                bootstrap=AdminBootstrap(postgres=postgres, passwords=passwords, policy=policy),
            )
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) != _NO_TABLE:
                raise
            raise StartError(
                "the database has no tables yet; make them with `python -m subgraphs.users migrate`"
            ) from error


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise StartError("there is no terminal to ask for the password at; send it with --password-stdin")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise StartError("the two passwords differ; nothing was done")
    return password


async def _create_admin(services: _Services, options: argparse.Namespace, password: str) -> None:
    registration = Registration(username=options.username, email=options.email, password=password)
    user = await services.bootstrap.create_administrator(registration, device=_device())
    _say(f"{user.username} is an administrator, id {user.id}.")


async def _list(services: _Services, options: argparse.Namespace) -> None:
    wanted = UserFilter(
        search=checked_search(options.search),
        role=Role(options.role) if options.role else None,
        active=False if options.disabled else None,
    )
    users, total = await services.directory.newest(wanted, limit=options.limit)
    if options.json:
        for user in users:
            _say(orjson.dumps(_fields(user)).decode())
        return
    rows = [[str(value) for value in _fields(user).values()] for user in users]
    _say(text_table(["ID", "USERNAME", "E-MAIL", "ROLE", "STATE", "SINCE"], rows))
    if total > len(users):
        _say(f"… and {total - len(users)} older ones; --limit shows more, --search fewer.")


def _fields(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "role": user.role.value,
        "state": "active" if user.active else "disabled",
        "created_at": user.created_at.isoformat(timespec="seconds"),
    }


async def _set_active(services: _Services, name: str, *, active: bool) -> None:
    user = await _found(services.directory, name)
    state = "enabled" if active else "disabled"
    if user.active == active:
        _say(f"{user.username} is {state} already.")
        return
    await services.administration.set_active(Operator(), user.id, active=active, device=_device())
    _say(
        f"{user.username} is {state}." if active else f"{user.username} is {state}; its sessions have ended."
    )


async def _found(directory: Directory, name: str) -> User:
    """By id, e-mail address or username: no username looks like either of the others."""
    if "@" in name:
        user = await directory.find_by_email(name)
    else:
        user = await directory.find(name) or await directory.find_by_username(name)
    if user is None:
        raise NotFound(f"There is no account called {name!r}; `users list --search …` finds accounts.")
    return user


def _device() -> Device:
    """What the activity log says of where a change came from."""
    return Device(user_agent=typed_by(), address="")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


COMMAND = Command(
    help="create an administrator, list, disable and enable accounts", run=_run, add_arguments=_add_arguments
)

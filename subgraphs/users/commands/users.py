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
from subgraphs.kit.cli import Command
from subgraphs.kit.errors import NotFound, StartError
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.redis.client import create_redis
from subgraphs.users.domain import Device, Role, User
from subgraphs.users.password_policy import PasswordPolicy
from subgraphs.users.passwords import Passwords
from subgraphs.users.service import Administration, Operator, Registration, Revoker
from subgraphs.users.service.founding import Founding
from subgraphs.users.settings import UsersSettings
from subgraphs.users.store import UserFilter, UserStore

_NO_TABLE = "42P01"  # PostgreSQL's undefined_table
_MOST_LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What the commands work with."""

    postgres: Postgres
    administration: Administration
    founding: Founding


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
    async with _open(settings) as desk:
        match options.action:
            case "create-admin":
                await _create_admin(desk, options, password)
            case "list":
                await _list(desk, options)
            case action:
                await _set_active(desk, options.name, active=action == "enable")


@asynccontextmanager
async def _open(settings: UsersSettings) -> AsyncIterator[_Desk]:
    async with AsyncExitStack() as stack:
        postgres = Postgres(settings.database, application="users-command")
        stack.push_async_callback(postgres.close)
        redis = await stack.enter_async_context(create_redis(settings.redis))
        passwords = Passwords(settings.passwords)
        stack.callback(passwords.close)
        revoker = Revoker(postgres, RedisRevocations(redis), settings.jwt)
        try:
            yield _Desk(
                postgres=postgres,
                administration=Administration(postgres, revoker),
                founding=Founding(postgres, passwords, PasswordPolicy(settings.passwords)),
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


async def _create_admin(desk: _Desk, options: argparse.Namespace, password: str) -> None:
    registration = Registration(username=options.username, email=options.email, password=password)
    user = await desk.founding.create_administrator(registration, device=_device())
    _say(f"{user.username} is an administrator, id {user.id}.")


async def _list(desk: _Desk, options: argparse.Namespace) -> None:
    wanted = UserFilter(
        search=options.search,
        role=Role(options.role) if options.role else None,
        active=False if options.disabled else None,
    )
    async with desk.postgres.read() as connection:
        store = UserStore(connection)
        users = await store.list(wanted, limit=options.limit, before=None)
        total = await store.count(wanted)
    if options.json:
        for user in users:
            _say(orjson.dumps(_fields(user)).decode())
        return
    rows = [[str(value) for value in _fields(user).values()] for user in users]
    _table(["ID", "USERNAME", "E-MAIL", "ROLE", "STATE", "SINCE"], rows)
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


async def _set_active(desk: _Desk, name: str, *, active: bool) -> None:
    async with desk.postgres.read() as connection:
        user = await _found(UserStore(connection), name)
    state = "enabled" if active else "disabled"
    if user.active == active:
        _say(f"{user.username} is {state} already.")
        return
    await desk.administration.set_active(Operator(), user.id, active=active, device=_device())
    _say(
        f"{user.username} is {state}." if active else f"{user.username} is {state}; its sessions have ended."
    )


async def _found(store: UserStore, name: str) -> User:
    """By id, e-mail address or username: no username looks like either of the others."""
    if "@" in name:
        credentials = await store.credentials(email=name)
    else:
        if user := await store.get(name):
            return user
        credentials = await store.credentials(username=name)
    if credentials is None:
        raise NotFound(f"There is no account called {name!r}; `users list --search …` finds accounts.")
    return credentials.user


def _device() -> Device:
    """What the activity log says of where a change came from."""
    return Device(user_agent=f"command line of {getpass.getuser()}", address="")


def _table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        _say("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


COMMAND = Command(
    help="create an administrator, list, disable and enable accounts", run=_run, add_arguments=_add_arguments
)

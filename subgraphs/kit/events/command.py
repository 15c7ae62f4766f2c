"""`events dead`: the events that a consumer has given up, for who operates the system."""

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson

from subgraphs.kit.cli import Command
from subgraphs.kit.errors import NotFound
from subgraphs.kit.events.connect import open_transport
from subgraphs.kit.events.event import Event, MalformedEventError
from subgraphs.kit.events.transport import DeadLetter, DeadLetters
from subgraphs.kit.redis.client import create_redis
from subgraphs.kit.settings import ServiceSettings
from subgraphs.kit.text_table import text_table

SOURCES = ("users", "products", "orders")
"""As the envelope in `schema/events` lists them."""

_WIDTH = 70


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    topics = parser.add_subparsers(dest="topic", required=True, metavar="TOPIC")
    dead = topics.add_parser(
        "dead",
        help="events that a consumer has given up",
        description="Events that a consumer has given up after several attempts, or could not read.",
    )
    actions = dead.add_subparsers(dest="action", required=True, metavar="ACTION")

    listing = actions.add_parser(
        "list", help="show them, oldest first", description="Show them, oldest first."
    )
    _add_filters(listing)
    listing.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")

    show = actions.add_parser(
        "show", help="show all of one", description="Show one with its data and the reason."
    )
    show.add_argument("id", metavar="ID", help="as `list` shows it")

    replay = actions.add_parser(
        "replay",
        help="hand them to their consumers once more",
        description="Hand events to the consumers that gave them up, once more, and remove them here. What has taken "
        "effect already does not do so again.",
    )
    chosen = replay.add_mutually_exclusive_group(required=True)
    chosen.add_argument("ids", metavar="ID", nargs="*", default=[], help="as `list` shows it")
    chosen.add_argument("--all", action="store_true", help="all that `list` shows")
    _add_filters(replay)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", choices=SOURCES, help="only of events of this service")
    parser.add_argument("--group", help="only of this consumer, such as users.order_email")


async def _run(settings: ServiceSettings, options: argparse.Namespace) -> None:
    async with _open(settings) as letters:
        match options.action:
            case "list":
                _list(await _found(letters, options), as_json=options.json)
            case "show":
                _show(await _one(letters, options.id))
            case _ if options.all:
                await _replay(letters, await _found(letters, options))
            case _:
                await _replay(letters, [await _one(letters, name) for name in options.ids])


@asynccontextmanager
async def _open(settings: ServiceSettings) -> AsyncIterator[DeadLetters]:
    async with create_redis(settings.redis) as redis, open_transport(settings, redis) as transport:
        yield transport.dead_letters()


async def _found(letters: DeadLetters, options: argparse.Namespace) -> list[DeadLetter]:
    sources = [options.source] if options.source else SOURCES
    return [
        letter
        for source in sources
        for letter in await letters.list(source)
        if options.group in {None, letter.group}
    ]


async def _one(letters: DeadLetters, name: str) -> DeadLetter:
    """Raises NotFound."""
    source = name.partition("/")[0]
    for letter in await letters.list(source) if source in SOURCES else ():
        if _name(letter) == name:
            return letter
    raise NotFound(f"There is no dead letter {name!r}; `events dead list` shows those that there are.")


def _list(letters: Sequence[DeadLetter], *, as_json: bool) -> None:
    rows = [_fields(letter) for letter in letters]
    if as_json:
        for row in rows:
            _say(orjson.dumps(row).decode())
    elif rows:
        short = [[value[:_WIDTH] for value in row.values()] for row in rows]
        _say(text_table(["ID", "CONSUMER", "TYPE", "HAPPENED", "REASON"], short))
    else:
        _say("There are none.")


def _fields(letter: DeadLetter) -> dict[str, str]:
    try:
        event = Event.from_json(letter.text)
        kind, at = event.type, event.timestamp.isoformat(timespec="seconds")
    except MalformedEventError:
        kind, at = "unreadable", "unknown"
    return {"id": _name(letter), "consumer": letter.group, "type": kind, "at": at, "reason": letter.reason}


def _show(letter: DeadLetter) -> None:
    for name, value in _fields(letter).items():
        _say(f"{name:9} {value}")
    try:
        _say(orjson.dumps(orjson.loads(letter.text), option=orjson.OPT_INDENT_2).decode())
    except orjson.JSONDecodeError:
        _say(letter.text)


async def _replay(letters: DeadLetters, chosen: Sequence[DeadLetter]) -> None:
    replayed = [await letters.replay(letter) for letter in chosen]
    _say(
        f"{sum(replayed)} replayed." if all(replayed) else f"{sum(replayed)} replayed; the others were gone."
    )


def _name(letter: DeadLetter) -> str:
    return f"{letter.source}/{letter.tag}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


COMMAND = Command(
    help="show and replay the events that were given up", run=_run, add_arguments=_add_arguments
)

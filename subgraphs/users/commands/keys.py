"""`keys`: the keys that sign access tokens."""

import argparse
import sys
from datetime import UTC, datetime

from subgraphs.kit.cli import Command
from subgraphs.users.credentials.key_rotation import KeyRotation, KeyState, KeyValidity
from subgraphs.users.settings import UsersSettings

_TIME = "%Y-%m-%d %H:%M:%S UTC"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _action(actions, "list", "show the keys, in the order in which they sign")
    rotate = _action(
        actions,
        "rotate",
        "add a key that signs in a while (USERS_JWT_KEY_LEAD), when every verifier has fetched it; also take away the "
        "keys whose last token has ended. Run it now and then, and whenever someone who has seen the keys leaves",
    )
    rotate.add_argument(
        "--now",
        action="store_true",
        help="let it sign at once, because the old key is in wrong hands. Verifiers that have not fetched it yet, such "
        "as the edge for up to 30 s, refuse its tokens meanwhile. Then remove the old one",
    )
    _action(actions, "prune", "take away the retired keys whose last token has ended")
    remove = _action(
        actions, "remove", "take a key away at once; all its tokens end, and their holders refresh them"
    )
    remove.add_argument("kid", help="name of the key, as `keys list` shows it")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, description: str
) -> argparse.ArgumentParser:
    short = description.partition(";")[0].partition(" (")[0]
    return actions.add_parser(name, help=short, description=f"{description[0].upper()}{description[1:]}.")


async def _run(settings: UsersSettings, options: argparse.Namespace) -> None:
    rotation = KeyRotation(settings.jwt)
    now = datetime.now(UTC)
    match options.action:
        case "list":
            _show(rotation.validities(now=now))
        case "rotate":
            added = rotation.rotate(now=now, at_once=options.now)
            _say(f"{added.kid} signs from {added.signs_from:{_TIME}} on.")
        case "prune":
            gone = rotation.prune(now=now)
            _say("\n".join(f"{kid} is gone." for kid in gone) or "Every key is still needed.")
        case "remove":
            rotation.remove(options.kid, now=now)
            _say(f"{options.kid} is gone; running services refuse its tokens within a minute.")


def _show(validities: list[KeyValidity]) -> None:
    if not validities:
        _say("There are no keys yet; the service makes the first one when it starts.")
        return
    width = max(len(v.kid) for v in validities)
    _say(f"{'KID':{width}}  {'STATE':8}  SINCE OR UNTIL")
    for validity in validities:
        _say(f"{validity.kid:{width}}  {validity.state:8}  {_when(validity)}")


def _when(validity: KeyValidity) -> str:
    if validity.state is KeyState.COMING:
        return f"signs from {validity.signs_from:{_TIME}}"
    if validity.needed_until is not None:
        return f"verifies until {validity.needed_until:{_TIME}}"
    return f"since {validity.signs_from:{_TIME}}" if validity.signs_from.year > 1 else "since ever"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


COMMAND = Command(
    help="list, rotate and prune the keys that sign access tokens", run=_run, add_arguments=_add_arguments
)

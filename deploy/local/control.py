"""How other commands ask a running launcher to do something: a line of JSON each way, on loopback.

    asked     {"token": "…", "action": "restart", "options": {"service": "orders"}}
    answered  {"say": "orders-1 is drained"} …, then {"done": true} or {"error": "…"}

Port and token are in the launcher's state file, which only its user can read.
"""

import asyncio
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self

from deploy.local.errors import LaunchError
from deploy.local.topology import LOOPBACK

Say = Callable[[str], None]
Action = Callable[[Mapping[str, Any], Say], Awaitable[None]]
"""Does what was asked with these options, saying how far it is. Raises LaunchError."""

_CONNECT_SECONDS = 5.0


class ControlError(LaunchError):
    """The launcher refused, or went away; the message is its own where it has one."""


class Control:
    """The launcher's side, from `open` to `close`."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = actions
        self._token = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None

    async def open(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return self

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def state(self) -> dict[str, Any]:
        """What a caller needs to know."""
        assert self._server is not None  # noqa: S101 - it is open
        return {"port": self._server.sockets[0].getsockname()[1], "token": self._token}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def tell(**message: Any) -> None:
            writer.write(json.dumps(message).encode() + b"\n")

        try:
            try:
                asked = json.loads(await reader.readline())
                known = secrets.compare_digest(str(asked.get("token")), self._token)
                action = self._actions.get(asked.get("action")) if known else None
            except (ValueError, AttributeError):
                action = None
            if action is None:
                tell(error="The launcher does not take this request.")
                return
            try:
                await action(asked.get("options", {}), lambda message: tell(say=message))
            except LaunchError as error:
                tell(error=str(error))
            else:
                tell(done=True)
        finally:
            with suppress(ConnectionError):
                await writer.drain()
            writer.close()


def ask(state: Mapping[str, Any], action: str, **options: Any) -> Iterator[str]:
    """What the launcher whose state this is says while it does `action`. Raises ControlError where it does not."""
    control = state["control"]
    request = {"token": control["token"], "action": action, "options": options}
    try:
        with socket.create_connection((LOOPBACK, control["port"]), _CONNECT_SECONDS) as connection:
            connection.settimeout(None)
            connection.sendall(json.dumps(request).encode() + b"\n")
            for line in connection.makefile("rb"):
                answer = json.loads(line)
                if "error" in answer:
                    raise ControlError(answer["error"])
                if "done" in answer:
                    return
                yield answer["say"]
    except OSError as error:
        raise ControlError(f"The launcher does not answer: {error}") from error
    raise ControlError("The launcher ended before it was done.")

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.local.control import Control, ControlError, Say, ask
from deploy.local.errors import LaunchError


async def _greet(options: Mapping[str, Any], say: Say) -> None:
    if options["whom"] == "nobody":
        raise LaunchError("There is nobody.")
    say("one moment")
    say(f"hello {options['whom']}")


async def test_a_launcher_says_how_far_it_is_and_why_it_does_not():
    control = await Control({"greet": _greet}).open()
    state = {"control": control.state}
    try:
        said = await asyncio.to_thread(lambda: list(ask(state, "greet", whom="Ann")))
        assert said == ["one moment", "hello Ann"]
        with pytest.raises(ControlError, match=r"^There is nobody\.$"):
            await asyncio.to_thread(lambda: list(ask(state, "greet", whom="nobody")))
    finally:
        control.close()


@pytest.mark.parametrize("change", [{"token": "guessed"}, {"token": None}, {"action": "stop"}])
async def test_a_request_without_the_token_or_of_another_action_is_refused(change: dict[str, Any]):
    control = await Control({"greet": _greet}).open()
    request = {
        "token": control.state["token"],
        "action": "greet",
        "options": {"whom": "Ann"},
        **change,
    }

    def send() -> str:
        with socket.create_connection(("127.0.0.1", control.state["port"])) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            return connection.makefile().read()

    try:
        answer = await asyncio.to_thread(send)
    finally:
        control.close()
    assert json.loads(answer) == {"error": "The launcher does not take this request."}

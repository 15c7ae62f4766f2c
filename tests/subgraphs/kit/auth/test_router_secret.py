"""GraphQL is answered to who shows the router's secret, and all else to everybody."""

import httpx
import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import Message, Scope

from subgraphs.kit.auth.router_secret import RouterSecret
from subgraphs.kit.errors import StartError
from subgraphs.kit.settings import ServerSettings
from tests.subgraphs.kit.graphql.test_operations import app_with

NOW = "bmV3LXNlY3JldC1vZi10aGUtcm91dGVyLTQ4LWJ5dGVz-9a"
BEFORE = "b2xkLXNlY3JldC1vZi10aGUtcm91dGVyLTQ4LWJ5dGVz-7f"
ENTITIES = '{ _entities(representations: [{__typename: "Book", id: "1"}]) { ... on Book { id } } }'
SHOWN = (b"x-router-secret", NOW.encode())
APP = app_with(router_secret=SecretStr(NOW), router_secret_previous=SecretStr(BEFORE))


async def ask(path: str, secret: str | None) -> httpx.Response:
    headers = {} if secret is None else {"x-router-secret": secret}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://sample") as client:
        if path == "/graphql":
            return await client.post(path, json={"query": ENTITIES}, headers=headers)
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("secret", [NOW, BEFORE], ids=["the secret", "the one before"])
async def test_the_router_is_answered(secret: str) -> None:
    assert (await ask("/graphql", secret)).json() == {"data": {"_entities": [{"id": "1"}]}}


@pytest.mark.parametrize("secret", [None, "", NOW[:-1], f"{NOW}x"])
async def test_nobody_else_is_answered(secret: str | None) -> None:
    response = await ask("/graphql", secret)
    assert response.status_code == 403
    (error,) = response.json()["errors"]
    assert error["message"] == "GraphQL is answered to the router alone."
    assert error["extensions"]["code"] == "FORBIDDEN"


def test_a_secret_of_other_letters_is_compared_too() -> None:
    assert not RouterSecret(NOW).admits(Headers(raw=[(b"x-router-secret", b"\xe4")]))


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_what_operators_ask_is_open(path: str) -> None:
    assert (await ask(path, None)).status_code == 200


@pytest.mark.parametrize(("headers", "first"), [([], "websocket.close"), ([SHOWN], "websocket.accept")])
async def test_a_websocket_needs_the_secret_as_well(headers: list[tuple[bytes, bytes]], first: str) -> None:
    arriving = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(arriving)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/graphql", "query_string": b"", "headers": headers}
    await APP({**scope, "subprotocols": ["graphql-transport-ws"]}, receive, send)
    assert sent[0]["type"] == first


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "users"])
def test_without_a_secret_nothing_listens_where_other_machines_are(host: str) -> None:
    with pytest.raises(StartError, match="ROUTER_SECRET"):
        RouterSecret.of(ServerSettings(host=host))
    RouterSecret.of(ServerSettings(host=host, router_secret=SecretStr(NOW)))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_without_a_secret_this_machine_is_served(host: str) -> None:
    assert RouterSecret.of(ServerSettings(host=host)).admits(Headers())

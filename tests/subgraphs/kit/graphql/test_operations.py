"""An operation as a client sends it, over HTTP and WebSocket: limits, deadline, contexts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect

from deploy.local.ports import Ports
from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Unauthenticated
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.graphql.context import Connection, RequestContext, RequestInfo
from subgraphs.kit.graphql.limits import MAX_ERRORS, Limits
from subgraphs.kit.settings import JwtSettings, ServerSettings
from tests.subgraphs.kit.graphql.sample_schema import CANCELLED, schema


def app_with(**settings: Any) -> ASGIApp:
    return create_app(
        service="sample",
        settings=ServerSettings(**settings),
        schema=schema,
        verifier=TokenVerifier(None, JwtSettings()),
        make_context=lambda request: RequestContext(request=request),
        checks={},
    )


async def post(app: ASGIApp, query: str, **variables: Any) -> dict[str, Any]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        response = await client.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


async def test_an_operation_within_the_limits_is_answered() -> None:
    assert await post(app_with(), "{ books(first: 3) { totalCount } }") == {
        "data": {"books": {"totalCount": 3}}
    }


async def test_the_limits_are_settings() -> None:
    query = "{ books(first: 3) { nodes { id } } }"
    assert "errors" not in await post(app_with(max_cost=4), query)
    assert codes(await post(app_with(max_cost=3), query)) == ["OPERATION_TOO_LARGE"]
    assert codes(await post(app_with(max_query_bytes=100), query + "#" * 100)) == ["OPERATION_TOO_LARGE"]


async def test_a_string_that_is_too_long_is_bad_input() -> None:
    answer = await post(app_with(), "query ($s: String) { books(search: $s) { totalCount } }", s="x" * 11)
    assert (codes(answer), answer["data"]) == (["BAD_USER_INPUT"], None)


async def test_introspection_can_be_turned_off_and_then_nothing_is_suggested() -> None:
    query = "query ($c: Colour!) { coloured(colour: $c) }"
    on, off = app_with(), app_with(introspection=False)
    assert "errors" not in await post(on, "{ __schema { types { name } } }")
    assert codes(await post(off, "{ __schema { types { name } } }")) == ["GRAPHQL_VALIDATION_FAILED"]
    assert "Did you mean" in (await post(on, query, c="REDD"))["errors"][0]["message"]
    assert "Did you mean" not in (await post(off, query, c="REDD"))["errors"][0]["message"]


async def test_an_operation_ends_at_its_deadline_and_its_work_with_it() -> None:
    CANCELLED.clear()
    started = asyncio.get_running_loop().time()
    answer = await post(app_with(operation_timeout="100ms"), "{ slow }")
    assert asyncio.get_running_loop().time() - started < 5
    assert (codes(answer), answer["data"]) == (["TIMEOUT_ERROR"], None)
    assert CANCELLED == ["slow"]


async def test_the_number_of_errors_is_bounded() -> None:
    query = "query ($of: [_Any!]!) { _entities(representations: $of) { __typename } }"
    answer = await post(app_with(), query, of=[{"__typename": "Nothing", "id": "x"}] * 300)
    assert len(answer["errors"]) == MAX_ERRORS == 100
    assert answer["data"] == {"_entities": [None] * 300}


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
async def test_a_request_that_a_page_could_forge_is_refused(media: str) -> None:
    transport = httpx.ASGITransport(app_with())
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        headers = {"content-type": media}
        response = await client.post("/graphql", content="query={whoami}", headers=headers)
    assert response.status_code in {400, 415}
    assert "data" not in response.json() or response.json()["data"] is None


async def test_a_batch_is_refused() -> None:
    transport = httpx.ASGITransport(app_with())
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        response = await client.post("/graphql", json=[{"query": "{ whoami }"}] * 2)
    assert response.status_code == 400


@pytest.fixture
async def websocket() -> AsyncIterator[ClientConnection]:
    """A WebSocket that was accepted, and may have two subscriptions."""
    port = Ports().free()
    config = uvicorn.Config(
        app_with(max_subscriptions=2), port=port, log_config=None, lifespan="off", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    async with AsyncExitStack() as stack:
        serving = asyncio.create_task(server._serve())
        stack.push_async_callback(asyncio.wait_for, serving, 10)
        stack.callback(setattr, server, "should_exit", True)
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by nothing else
            await asyncio.sleep(0.01)
        url = f"ws://127.0.0.1:{port}/graphql"
        socket = await stack.enter_async_context(connect(url, subprotocols=["graphql-transport-ws"]))  # type: ignore[list-item] # a NewType of str
        await socket.send('{"type": "connection_init"}')
        assert orjson.loads(await socket.recv()) == {"type": "connection_ack"}
        yield socket


async def ask(socket: ClientConnection, name: str, query: str) -> dict[str, Any]:
    message = {"type": "subscribe", "id": name, "payload": {"query": query}}
    await socket.send(orjson.dumps(message).decode())
    answer: dict[str, Any] = orjson.loads(await asyncio.wait_for(socket.recv(), 10))
    assert answer["id"] == name
    return answer


@pytest.mark.parametrize("query", ["{ whoami }", 'mutation { add(input: {title: "t"}) }'])
async def test_a_websocket_admits_subscriptions_only(websocket: ClientConnection, query: str) -> None:
    answer = await ask(websocket, "1", query)
    assert answer["type"] == "error"
    [error] = answer["payload"]
    assert error["message"] == "A WebSocket is for subscriptions; send queries and mutations over HTTP."
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert (await ask(websocket, "2", "subscription { ticks }"))["type"] == "next"


async def test_the_limits_hold_on_a_websocket(websocket: ClientConnection) -> None:
    answer = await ask(websocket, "1", "subscription { ticks }#" + "x" * 20_000)
    assert answer["type"] == "error"
    assert answer["payload"][0]["extensions"]["code"] == "OPERATION_TOO_LARGE"


async def test_a_websocket_has_so_many_subscriptions_each_with_its_own_context(
    websocket: ClientConnection,
) -> None:
    first = await ask(websocket, "1", "subscription { ticks }")
    second = await ask(websocket, "2", "subscription { ticks }")
    assert first["payload"]["data"]["ticks"] != second["payload"]["data"]["ticks"]
    assert (await ask(websocket, "3", "subscription { ticks }"))["type"] == "error"


class Sessions(TokenVerifier):
    """A verifier to which a token is the name of its account, and which knows the accounts that have left."""

    def __init__(self) -> None:
        super().__init__(None, JwtSettings())
        self.left: set[str | None] = set()

    async def from_header(self, authorization: str | None) -> Viewer:
        if authorization == "Bearer bad":
            raise Unauthenticated("bad")
        return Viewer(user_id=authorization.removeprefix("Bearer ") if authorization else None)

    async def check(self, viewer: Viewer) -> None:
        if viewer.user_id in self.left:
            raise Unauthenticated("left")


async def test_each_operation_of_a_connection_gets_a_whole_context_of_its_own() -> None:
    made: list[RequestInfo] = []
    sessions = Sessions()
    factory: Callable[[RequestInfo], RequestContext] = lambda request: (  # noqa: E731 - typed where it stands
        made.append(request) or RequestContext(request=request)  # type: ignore[func-returns-value]
    )
    opening = RequestInfo(
        viewer=Viewer(), request_id="r", client_address="a", user_agent="u", verifier=sessions
    )
    connection = Connection(opening, sessions, factory)
    connection.connection_params = {"Authorization": "Bearer ann"}
    await connection.authenticate()
    first, second = await connection.operation_context(), await connection.operation_context()
    assert first is not second
    assert [request.viewer.user_id for request in made] == ["ann", "ann"]
    assert {(r.request_id, r.client_address, r.user_agent, r.verifier) for r in made} == {
        ("r", "a", "u", sessions)
    }
    sessions.left.add("ann")
    assert (await connection.operation_context()).viewer == Viewer()
    with pytest.raises(Unauthenticated):
        await first.check_viewer()
    connection.connection_params = {"authorization": "Bearer bad"}
    with pytest.raises(Unauthenticated):
        await connection.authenticate()


def test_the_limits_of_one_app_are_not_those_of_another() -> None:
    narrow = schema.limited(Limits(max_cost=1))
    assert (narrow.documents.limits.max_cost, schema.documents.limits.max_cost) == (1, 40_000)
    assert narrow.as_str() == schema.as_str()

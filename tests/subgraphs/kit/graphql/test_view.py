"""The short way of a plain request answers as Strawberry's way does, and leaves to it what is not plain."""

from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from subgraphs.kit.graphql import view
from subgraphs.kit.graphql.schema import SubgraphSchema
from tests.subgraphs.kit.graphql.test_operations import app_with

JSON = {"content-type": "application/json"}


async def answer(app: ASGIApp, content: str, **headers: str) -> tuple[int, str | None, Any]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        response = await client.post("/graphql", content=content, headers=JSON | headers)
    body = response.json()
    for error in body.get("errors", ()):
        del error["extensions"]["requestId"]
    return response.status_code, response.headers.get("content-type"), body


REQUESTS = {
    "query": '{"query": "{ books(first: 3) { totalCount } }"}',
    "variables": '{"query": "query ($s: String) { books(search: $s) { totalCount } }", "variables": {"s": "abc"}}',
    "wrong variable": '{"query": "query ($n: Int) { books(first: $n) { totalCount } }", "variables": {"n": "many"}}',
    "missing variable": '{"query": "query ($c: Colour!) { coloured(colour: $c) }"}',
    "mutation": '{"query": "mutation { add(input: {title: \\"a\\"}) }"}',
    "operation name": '{"query": "query a { __typename } query b { b: __typename }", "operationName": "b"}',
    "unknown operation": '{"query": "{ __typename }", "operationName": "other"}',
    "no operation": '{"query": "fragment f on Query { __typename }"}',
    "subscription": '{"query": "subscription { ticks }"}',
    "fault": '{"query": "{ failing }"}',
    "part that fails": '{"query": "{ failing book(id: \\"1\\") { title } }"}',
    "entities": '{"query": "{ _entities(representations: [{__typename: \\"Book\\", id: \\"1\\"}]) { ... on Book { id } } }"}',
    "syntax": '{"query": "{ "}',
    "invalid": '{"query": "{ nothing }"}',
    "introspection": '{"query": "{ __schema { queryType { name } } }"}',
    "extensions": '{"query": "{ whoami }", "extensions": {"a": 1}}',
    "empty": '{"query": ""}',
    "null": '{"query": null}',
    "number": '{"query": 5}',
    "list of variables": '{"query": "{ whoami }", "variables": []}',
    "number of operation": '{"query": "{ whoami }", "operationName": 5}',
    "batch": '[{"query": "{ whoami }"}]',
    "no JSON": "{",
    "no UTF-8": '{"query": "\udcff"}',
}


@pytest.mark.parametrize("content", REQUESTS.values(), ids=REQUESTS)
async def test_the_short_way_answers_as_strawberry_does(
    content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw: Any = content.encode("utf-8", "surrogateescape")
    short = await answer(app_with(), raw)
    monkeypatch.setattr(view, "_is_plain", lambda _: False)
    assert short == await answer(app_with(), raw)


@pytest.mark.parametrize("content", ['"{ whoami }"', "5", "null", "true"])
async def test_json_that_is_no_request_is_400(content: str) -> None:
    status, _, body = await answer(app_with(), content)
    assert (status, body["errors"][0]["extensions"]) == (400, {"code": "BAD_REQUEST"})


@pytest.mark.parametrize(
    ("accept", "plain"),
    [
        ("*/*", True),
        (
            "application/graphql-response+json, application/json, multipart/mixed",
            True,
        ),  # as Hive Gateway asks
        ("text/event-stream", False),
        ("multipart/mixed;subscriptionSpec=1.0", False),
    ],
)
async def test_what_is_to_be_streamed_alone_is_not_plain(
    accept: str, *, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    run = SubgraphSchema.run

    def noting(self: SubgraphSchema, query: str, *rest: Any) -> Any:
        taken.append(query)
        return run(self, query, *rest)

    monkeypatch.setattr(SubgraphSchema, "run", noting)
    transport = httpx.ASGITransport(app_with())
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        await client.post("/graphql", json={"query": "{ whoami }"}, headers={"accept": accept})
    assert taken == (["{ whoami }"] if plain else [])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_than_post_are_405(method: str) -> None:
    transport = httpx.ASGITransport(app_with())
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        response = await client.request(method, "/graphql", params={"query": "{ whoami }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"

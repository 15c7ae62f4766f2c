"""A GraphQL server over HTTP in the place of the router, which answers with what a test configures.

So each kind of GraphQL answer can be sent on purpose. graphql-core coerces variables and completes results
against `schema/api.graphql`: a wrong operation or variable fails here as it would at the router. REST in front
of the real supergraph is tested in `tests/supergraph`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from pathlib import Path
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError, build_schema, graphql, parse, subscribe
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

API = Path(__file__).parents[3] / "schema" / "api.graphql"


@dataclass
class Sent:
    """One request as the router saw it."""

    operation: str
    variables: dict[str, Any]
    headers: dict[str, str]


@dataclass
class StubRouter:
    """`roots` maps root fields to values, or to functions of their arguments; `respond` overrides all of it.

    Another `authorization` than `accepted`, where that is given, is answered as the subgraphs do.
    """

    roots: dict[str, Any] = field(default_factory=dict)
    respond: Callable[[], Response] | None = None
    accepted: str | None = None
    sent: list[Sent] = field(default_factory=list)
    open_streams: int = 0
    stream_ended: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._schema = build_schema(API.read_text())

    def reset(self) -> None:
        self.roots, self.respond, self.accepted = {}, None, None
        self.sent.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked = await _asked(request)
        self.sent.append(Sent(asked["operationName"], asked["variables"], dict(request.headers)))
        if self.accepted not in {None, request.headers.get("authorization", self.accepted)}:
            fault = {"message": "The token is not accepted.", "extensions": {"code": "UNAUTHENTICATED"}}
            response: Response = Response(orjson.dumps({"errors": [fault]}), media_type="application/json")
        elif self.respond is not None:
            response = self.respond()
        elif request.headers["accept"] == "text/event-stream":
            response = StreamingResponse(self._events(asked), media_type="text/event-stream")
        else:
            roots = {name: _resolver(value) for name, value in self.roots.items()}
            result = await graphql(self._schema, asked["query"], roots, variable_values=asked["variables"])
            response = Response(
                orjson.dumps(result.formatted), media_type="application/graphql-response+json"
            )
        await response(scope, receive, send)

    async def _events(self, asked: dict[str, Any]) -> AsyncIterator[bytes]:
        self.open_streams += 1
        self.stream_ended.clear()
        try:
            results = subscribe(
                self._schema, parse(asked["query"]), self.roots, variable_values=asked["variables"]
            )
            if isawaitable(results):
                results = await results
            if isinstance(results, ExecutionResult):
                yield _next(results)
            else:
                async for result in results:
                    yield _next(result)
            yield b"event: complete\ndata:\n\n"
        finally:
            self.open_streams -= 1
            self.stream_ended.set()


async def _asked(request: Request) -> Any:
    """The operation; a file is the bytes of its part."""
    if not request.headers["content-type"].startswith("multipart/form-data"):
        return orjson.loads(await request.body())
    assert request.headers["apollo-require-preflight"]
    async with request.form() as form:
        asked = orjson.loads(str(form["operations"]))
        for part, places in orjson.loads(str(form["map"])).items():
            file = form[part]
            assert isinstance(file, UploadFile)
            assert (file.filename, file.content_type) == ("file", "application/octet-stream")
            for place in places:
                asked["variables"][place.removeprefix("variables.")] = await file.read()
    return asked


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[], Response]:
    """Any answer, also one that is not GraphQL's."""
    return lambda: Response(body, status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def failing(code: str, **extensions: Any) -> Callable[..., Any]:
    """A root field that fails with an error of `code` in `errors`."""

    def resolve(**_: Any) -> None:
        raise GraphQLError(f"{code} from within", extensions={"code": code, **extensions})

    return resolve


def problem(typename: str, code: str, **fields: Any) -> dict[str, Any]:
    """A union member that implements `Error`."""
    return {"__typename": typename, "code": code, "message": f"{code} happened.", **fields}


def events(
    *statuses: str, after: asyncio.Event | None = None
) -> Callable[..., AsyncIterator[dict[str, Any]]]:
    """The source of `orderStatus`: one event a status, from `afterSeq` on; then it waits for `after`, if given."""

    async def source(_: object, orderId: str, afterSeq: int) -> AsyncIterator[dict[str, Any]]:  # noqa: N803, ARG001 - GraphQL's names
        for seq, status in enumerate(statuses, start=1):
            if seq > afterSeq:
                event = {"seq": seq, "status": status, "at": f"2026-01-05T10:00:0{seq}Z"}
                yield {"orderStatus": event}
        if after is not None:
            await after.wait()

    return source


def _resolver(value: Any) -> Any:
    return (lambda _, **arguments: value(**arguments)) if callable(value) else value


def _next(result: ExecutionResult) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(result.formatted) + b"\n\n"

"""The one way to the supergraph: named operations over HTTP, subscriptions over server-sent events.

Wire forms: GraphQL over HTTP (graphql.github.io/graphql-over-http) and graphql-sse's distinct connections
mode. The second needs no protocol beside HTTP: headers travel, and a refusal is a status.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from http import HTTPStatus
from typing import Any, BinaryIO, Self

import httpx
import orjson
from graphql import OperationType

from clients.rest import errors, sse
from clients.rest.documents import Document
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

JSON = "application/graphql-response+json, application/json;q=0.9"
_BYTES = "application/octet-stream"
_DOWN = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
# The routers send a comment every 12 s; a stream silent for longer than this has lost its other end.
_STREAM_SILENCE = 60.0


class RouterClient:
    """Sends operations to the router and reads what they answer."""

    def __init__(
        self, client: httpx.AsyncClient, documents: Mapping[str, Document], *, router: str, subscriptions: str
    ) -> None:
        self._client = client
        self._documents = documents
        self._router = f"{router.rstrip('/')}/graphql"
        self._subscriptions = f"{subscriptions.rstrip('/')}/graphql"

    async def execute(
        self, name: str, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """The `data` of the operation `name`.

        Raises ApiError for any answer that is not whole: the router away, a refusal, partial data.
        """
        return await self._answer(name, self._post(self._documents[name], variables, headers))

    async def upload(
        self,
        name: str,
        variables: Mapping[str, Any],
        headers: Mapping[str, str],
        *,
        files: Mapping[str, BinaryIO],
    ) -> dict[str, Any]:
        """As `execute`, with `files` as the values of the variables of their names.

        In the form that github.com/jaydenseric/graphql-multipart-request-spec describes. A file's name and type, which
        its sender chose, are not passed on.
        """
        operation = _body(self._documents[name], {**variables, **dict.fromkeys(files)})
        places = {variable: [f"variables.{variable}"] for variable in files}
        request = self._client.post(
            self._router,
            data={"operations": operation.decode(), "map": orjson.dumps(places).decode()},
            files={variable: ("file", content, _BYTES) for variable, content in files.items()},
            headers={**headers, "accept": JSON, "apollo-require-preflight": "true"},
        )
        return await self._answer(name, request)

    async def _answer(self, name: str, request: Awaitable[httpx.Response]) -> dict[str, Any]:
        try:
            response = await request
        except httpx.TransportError as error:
            log.warning("router_unreachable", operation=name, error=repr(error))
            raise errors.unavailable() from error
        return _data(name, response.status_code, response.content, response.headers)

    async def subscribe(
        self, name: str, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> "Subscription":
        """An open subscription; the caller closes it. Raises ApiError when it is refused."""
        usual = self._client.timeout
        request = self._client.build_request(
            "POST",
            self._subscriptions,
            content=_body(self._documents[name], variables),
            headers={**headers, "accept": sse.MEDIA_TYPE, "content-type": "application/json"},
            timeout=httpx.Timeout(_STREAM_SILENCE, connect=usual.connect, write=usual.write, pool=usual.pool),
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                await _require_stream(name, response)
            except BaseException:
                await response.aclose()
                raise
        except httpx.TransportError as error:
            log.warning("router_unreachable", operation=name, error=repr(error))
            raise errors.unavailable() from error
        return Subscription(name, response)

    async def _post(
        self, document: Document, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response:
        content = _body(document, variables)
        all_headers = {**headers, "accept": JSON, "content-type": "application/json"}
        try:
            return await self._client.post(self._router, content=content, headers=all_headers)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A kept-alive connection that the router closed meanwhile. Only a read may be sent twice:
            # nobody knows whether a mutation was begun.
            if document.kind is not OperationType.QUERY:
                raise
            return await self._client.post(self._router, content=content, headers=all_headers)


class Subscription:
    """The events of one subscription, each the `data` of an execution; ends when the router completes it."""

    def __init__(self, name: str, response: httpx.Response) -> None:
        self._name = name
        self._response = response
        self._results = self._read()
        self._next: asyncio.Task[dict[str, Any] | None] | None = None

    async def wait(self, seconds: float) -> bool:
        """Whether the next event, the end or an error is there within `seconds`; loses nothing either way."""
        done, _ = await asyncio.wait({self._pending()}, timeout=seconds)
        return bool(done)

    async def peek(self) -> bool:
        """Whether another event comes, which stays to be taken by `next`. Raises ApiError."""
        return await asyncio.shield(self._pending()) is not None

    async def next(self) -> dict[str, Any] | None:
        """The next event's data, or None at the end. Raises ApiError."""
        result = await asyncio.shield(self._pending())
        self._next = None
        return result

    def _pending(self) -> "asyncio.Task[dict[str, Any] | None]":
        # A task of its own, because giving up waiting must not cancel the reading.
        if self._next is None:
            self._next = asyncio.create_task(self._advance())
        return self._next

    async def aclose(self) -> None:
        """End the subscription at the router as well; its connection closes."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        await self._results.aclose()
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _advance(self) -> dict[str, Any] | None:
        return await anext(self._results, None)

    async def _read(self) -> AsyncGenerator[dict[str, Any], None]:
        try:
            async for event in sse.decode(self._response.aiter_bytes()):
                if event.event == "complete":
                    return
                if event.event == "next":
                    yield _data(
                        self._name, self._response.status_code, event.data.encode(), self._response.headers
                    )
        except httpx.TransportError as error:
            log.warning("subscription_lost", operation=self._name, error=repr(error))
            raise errors.unavailable() from error
        # Cut off rather than completed: there may be more, which the client can ask for again.
        log.warning("subscription_cut", operation=self._name, status=self._response.status_code)
        raise errors.unavailable()


async def _require_stream(name: str, response: httpx.Response) -> None:
    if response.headers.get("content-type", "").startswith(sse.MEDIA_TYPE):
        return
    content = await response.aread()
    _data(name, response.status_code, content, response.headers)
    log.error("no_event_stream", operation=name, status=response.status_code)
    raise errors.internal()


def _body(document: Document, variables: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"query": document.text, "operationName": document.name, "variables": variables})


def _data(name: str, status: int, content: bytes, headers: httpx.Headers) -> dict[str, Any]:
    """What an answer holds, whatever its status: a GraphQL answer is one under any."""
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        if faults := answer.get("errors"):
            raise errors.from_graphql(faults, operation=name)
        data = answer.get("data")
        if isinstance(data, dict):
            return data
    raise _refused(name, status, headers)


def _refused(name: str, status: int, headers: httpx.Headers) -> errors.ApiError:
    """An answer that is not GraphQL's: something before the router spoke, or the router failed."""
    log.warning("router_answer_unusable", operation=name, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = headers.get("retry-after", "")
        message = "Too many requests; slow down."
        return errors.named("RATE_LIMITED", message, retry_after=int(wait) if wait.isdigit() else None)
    if status == HTTPStatus.UNAUTHORIZED:
        return errors.named("UNAUTHENTICATED", "The access token is not accepted; log in again.")
    return errors.unavailable() if status in _DOWN else errors.internal()

"""The one way to the supergraph: named operations over HTTP, subscriptions over server-sent events.

Wire forms: GraphQL over HTTP (graphql.github.io/graphql-over-http) and graphql-sse's distinct connections
mode. The second needs no protocol beside HTTP: headers travel, and a refusal is a status.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

import aiohttp
import orjson
from graphql import OperationType
from yarl import URL

from clients.rest import errors, sse
from clients.rest.documents import Document
from clients.rest.router_answers import TRANSPORT_ERRORS, data_of
from clients.rest.settings import RouterClientSettings
from clients.rest.subscription import Subscription, require_stream
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

JSON = "application/graphql-response+json, application/json;q=0.9"
_BYTES = "application/octet-stream"
# The routers send a comment every 12 s; a stream silent for longer than this has lost its other end.
_STREAM_SILENCE = 60.0


# An idle connection is let go before a router lets go of it (5 s by Node's default), since a mutation that meets a
# closing one must not be sent again.
_KEPT_IDLE = 4.0
# A kept-alive connection that the router closed meanwhile.
_CONNECTION_LOST = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


@asynccontextmanager
async def open_router_client(
    settings: RouterClientSettings, documents: Mapping[str, Document], *, router: str, subscriptions: str
) -> AsyncIterator["RouterClient"]:
    """A client with connections of its own, which close with it."""
    seconds = settings.timeout.total_seconds()
    timeout = aiohttp.ClientTimeout(total=seconds)
    endless = aiohttp.ClientTimeout(connect=seconds, sock_read=_STREAM_SILENCE)
    async with (
        _session(timeout, connections=settings.connections) as session,
        # A stream keeps its connection for as long as its client listens, and must take none from what is answered at once.
        _session(endless, connections=0) as streams,
    ):
        yield RouterClient(session, streams, documents, router=router, subscriptions=subscriptions)


def _session(timeout: aiohttp.ClientTimeout, *, connections: int) -> aiohttp.ClientSession:
    """With at most so many connections at a time; 0 for any number."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEPT_IDLE),
        timeout=timeout,
        # What the router is told about a client is what that client said.
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
    )


class RouterClient:
    """Sends operations to the router and reads what they answer."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        streams: aiohttp.ClientSession,
        documents: Mapping[str, Document],
        *,
        router: str,
        subscriptions: str,
    ) -> None:
        self._session = session
        self._streams = streams
        self._documents = documents
        self._router = URL(f"{router.rstrip('/')}/graphql")
        self._subscriptions = URL(f"{subscriptions.rstrip('/')}/graphql")

    async def execute(
        self, name: str, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """The `data` of the operation `name`.

        Raises ApiError for any answer that is not whole: the router away, a refusal, partial data.
        """
        document = self._documents[name]
        body = _body(document, variables)
        return await self._answer(
            document, lambda: body, {**headers, "accept": JSON, "content-type": "application/json"}
        )

    async def check(self) -> None:
        """Raises ApiError when the router does not answer."""
        await self.execute("Ready", {}, {})

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
        document = self._documents[name]

        def form() -> aiohttp.FormData:
            form = aiohttp.FormData()
            form.add_field("operations", _body(document, {**variables, **dict.fromkeys(files)}).decode())
            form.add_field("map", orjson.dumps({name: [f"variables.{name}"] for name in files}).decode())
            for variable, file in files.items():
                form.add_field(variable, file, filename="file", content_type=_BYTES)
            return form

        return await self._answer(
            document, form, {**headers, "accept": JSON, "apollo-require-preflight": "true"}
        )

    async def _answer(
        self, document: Document, body: Callable[[], bytes | aiohttp.FormData], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        try:
            try:
                return await self._post(document, body(), headers)
            except _CONNECTION_LOST as error:
                # Only a read may be sent twice: nobody knows whether a mutation was begun. A connection that was never
                # made is tried again for either.
                never_made = isinstance(error, aiohttp.ClientConnectorError)
                if document.kind is not OperationType.QUERY and not never_made:
                    raise
                return await self._post(document, body(), headers)
        except TRANSPORT_ERRORS as error:
            log.warning("router_unreachable", operation=document.name, error=repr(error))
            raise errors.unavailable() from error

    async def _post(
        self, document: Document, body: bytes | aiohttp.FormData, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        async with self._session.post(
            self._router, data=body, headers=headers, allow_redirects=False
        ) as response:
            content = await response.read()
        return data_of(document.name, response.status, content, response.headers)

    async def subscribe(
        self, name: str, variables: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Subscription:
        """An open subscription; the caller closes it. Raises ApiError when it is refused."""
        body = _body(self._documents[name], variables)
        all_headers = {**headers, "accept": sse.MEDIA_TYPE, "content-type": "application/json"}
        try:
            response = await self._streams.post(
                self._subscriptions, data=body, headers=all_headers, allow_redirects=False
            )
            try:
                await require_stream(name, response)
            except BaseException:
                response.close()
                raise
        except TRANSPORT_ERRORS as error:
            log.warning("router_unreachable", operation=name, error=repr(error))
            raise errors.unavailable() from error
        return Subscription(name, response)


def _body(document: Document, variables: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"query": document.text, "operationName": document.name, "variables": variables})

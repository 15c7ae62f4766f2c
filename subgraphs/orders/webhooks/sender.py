"""Sending a webhook to an address that somebody else has chosen, and nowhere else.

The name is resolved here, every address is judged, and the connection goes to the address that was judged: a name
that resolves to something else a moment later (DNS rebinding) changes nothing. Its certificate is still checked
against the name. No redirect is followed, no proxy of the environment is used, and no connection is shared.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import Self

import httpx

from subgraphs.kit.errors import ValidationFailed
from subgraphs.orders.domain.addresses import is_public
from subgraphs.orders.domain.webhooks import Attempt, UrlRules, check_url, port_of

_RESPONSE_BYTES = 500
_USER_AGENT = "supergraph-webhooks/1"

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host and port, the best first. Raises OSError."""


class AddressRefusedError(Exception):
    """A URL that may not be called, or whose host resolves to what may not be called."""


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    response: str


class WebhookSender:
    """`timeout` is for one attempt as a whole: resolving, connecting, and the answer's first bytes.

    `tls` says whose certificates count, where it is not those that this machine trusts.
    """

    def __init__(
        self,
        rules: UrlRules,
        *,
        timeout: timedelta,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._timeout = timeout.total_seconds()
        self._resolve = resolve
        self._client = httpx.AsyncClient(
            verify=tls or True,
            timeout=None,  # noqa: S113 - there is one for the attempt
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, url: str, *, headers: Mapping[str, str], body: str) -> Attempt:
        """POST `body`. What goes wrong is part of the answer and not raised."""
        at, started = datetime.now(UTC), monotonic()
        answer, error = None, None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._send(url, headers, body)
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except AddressRefusedError as refused:
            error = str(refused)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"[:_RESPONSE_BYTES]
        return Attempt(
            at=at,
            duration=timedelta(seconds=monotonic() - started),
            status=answer.status if answer else None,
            response=answer.response if answer else None,
            error=error,
        )

    async def _send(self, url: str, headers: Mapping[str, str], body: str) -> _Answer:
        named = httpx.URL(url)
        host, port, addresses = await self._where(url)
        headers = {
            **headers,
            "host": named.netloc.decode(),
            "content-type": "application/json",
            "user-agent": _USER_AGENT,
            "accept-encoding": "identity",  # nothing is unpacked: a small answer may unpack to a huge one
        }
        for address in addresses[:-1]:
            with contextlib.suppress(httpx.ConnectError):
                return await self._post(named.copy_with(host=address, port=port), host, headers, body)
        return await self._post(named.copy_with(host=addresses[-1], port=port), host, headers, body)

    async def _where(self, url: str) -> tuple[str, int, list[str]]:
        """Host, port and addresses of a URL that may be called. Raises AddressRefusedError."""
        try:
            parts = check_url(url, self._rules)
        except ValidationFailed as refused:
            raise AddressRefusedError(refused.message) from refused
        host, port = parts.hostname or "", port_of(parts)
        addresses = await self._resolve(host, port)
        # All of them: which one is tried is not for the owner of the name to choose.
        allowed = self._rules.allow_private or all(map(is_public, addresses))
        if not addresses or not allowed:
            raise AddressRefusedError("The host does not resolve to addresses of the public internet.")
        return host, port, addresses

    async def _post(self, url: httpx.URL, host: str, headers: Mapping[str, str], body: str) -> _Answer:
        """POST to the address in `url`, whose certificate is to be that of `host`."""
        request = self._client.build_request(
            "POST", url, content=body.encode(), headers=headers, extensions={"sni_hostname": host}
        )
        response = await self._client.send(request, stream=True)
        try:
            return _Answer(response.status_code, await _first_bytes(response))
        finally:
            await response.aclose()


async def _first_bytes(response: httpx.Response) -> str:
    """The begin of the body, as text that a database keeps."""
    found = b""
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) >= _RESPONSE_BYTES:
            break
    return found[:_RESPONSE_BYTES].decode(errors="replace").replace("\0", "�")

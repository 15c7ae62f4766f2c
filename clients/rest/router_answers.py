"""What the router answers: the data of an operation, or the error that an answer amounts to."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson

from clients.rest import errors
from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

TRANSPORT_ERRORS = (aiohttp.ClientError, TimeoutError)
"""What goes wrong below GraphQL: no connection, one that breaks, an answer that is no HTTP, a time that is over."""

_DOWN = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


def data_of(name: str, status: int, content: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
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


def _refused(name: str, status: int, headers: Mapping[str, str]) -> errors.ApiError:
    """An answer that is not GraphQL's: something before the router spoke, or the router failed."""
    log.warning("router_answer_unusable", operation=name, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = headers.get("retry-after", "")
        message = "Too many requests; slow down."
        return errors.named("RATE_LIMITED", message, retry_after=int(wait) if wait.isdigit() else None)
    if status == HTTPStatus.UNAUTHORIZED:
        return errors.named("UNAUTHENTICATED", "The access token is not accepted; log in again.")
    return errors.unavailable() if status in _DOWN else errors.internal()

"""Changes on the condition of the version that the client has read (RFC 9110, 13.1.1)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from clients.rest.entity_tags import versions
from clients.rest.errors import ApiError

Read = Callable[[], Awaitable[int]]
Change = Callable[[int | None], Awaitable[dict[str, Any]]]


async def if_version_matches(if_match: str, *, read: Read, change: Change) -> dict[str, Any]:
    """The success of `change`, made only to a version that `if_match` names; it is given that version, or None.

    `read` gives the present version. Raises ApiError: 412 where there is another version, also when there comes to
    be one between the look and the write.
    """
    wanted = versions(if_match)
    if wanted is None:
        return await change(None)
    version = await read()
    if version not in wanted:
        raise _precondition_failed()
    try:
        return await change(version)
    except ApiError as error:
        # A conflict is either with something else (a SKU that is taken) or with a change that came first; only
        # a look can tell.
        if error.code == "CONFLICT" and await read() != version:
            raise _precondition_failed() from error
        raise


def _precondition_failed() -> ApiError:
    status = HTTPStatus.PRECONDITION_FAILED
    message = "It has changed since it was read; read it again, and send the new ETag."
    return ApiError(status, status.name, message)

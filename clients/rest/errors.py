"""What goes wrong, in HTTP's terms: one table from GraphQL's errors to statuses.

A user error arrives as data: a member of a mutation's union that implements `Error`. Everything else arrives
in `errors` with a code in its extensions. Both end as one `ApiError`, and partial data never as a success.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from subgraphs.kit.logs import get_logger

log = get_logger(__name__)

# What a client is told to wait when a dependency is down and nobody said for how long.
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error: its code in REST, its status, and the names it arrives under."""

    code: str
    status: HTTPStatus
    typename: str | None = None
    aliases: frozenset[str] = frozenset()


TABLE = (
    ErrorKind(
        "VALIDATION_FAILED", HTTPStatus.UNPROCESSABLE_ENTITY, "ValidationError", frozenset({"BAD_USER_INPUT"})
    ),
    ErrorKind("UNAUTHENTICATED", HTTPStatus.UNAUTHORIZED, "AuthenticationError"),
    ErrorKind("FORBIDDEN", HTTPStatus.FORBIDDEN, "PermissionError"),
    ErrorKind("NOT_FOUND", HTTPStatus.NOT_FOUND, "NotFoundError"),
    ErrorKind("CONFLICT", HTTPStatus.CONFLICT, "ConflictError"),
    ErrorKind("ILLEGAL_TRANSITION", HTTPStatus.CONFLICT, "IllegalTransitionError"),
    ErrorKind("INSUFFICIENT_STOCK", HTTPStatus.CONFLICT, "InsufficientStockError"),
    ErrorKind("PAYMENT_DECLINED", HTTPStatus.PAYMENT_REQUIRED, "PaymentDeclinedError"),
    ErrorKind("RATE_LIMITED", HTTPStatus.TOO_MANY_REQUESTS, "RateLimitedError"),
    ErrorKind(
        "UNAVAILABLE",
        HTTPStatus.SERVICE_UNAVAILABLE,
        # As the routers name a subgraph that does not answer: Hive RouterClient, then Apollo Router.
        aliases=frozenset(
            {
                "DOWNSTREAM_SERVICE_ERROR",
                "RESPONSE_VALIDATION_FAILED",
                "TIMEOUT_ERROR",
                "GATEWAY_TIMEOUT",
                "REQUEST_TIMEOUT",
                "SERVICE_UNAVAILABLE",
                "SUBREQUEST_HTTP_ERROR",
            }
        ),
    ),
    ErrorKind("INTERNAL", HTTPStatus.INTERNAL_SERVER_ERROR),
)
_BY_NAME: Mapping[str, ErrorKind] = {
    name: row for row in TABLE for name in (row.code, row.typename, *row.aliases) if name is not None
}
_INTERNAL = _BY_NAME["INTERNAL"]
# Codes whose own messages are meant for routers and operators, not for clients.
_MASKED = {
    "UNAVAILABLE": "A service behind this request does not answer at the moment; try again.",
    "INTERNAL": "Something went wrong on our side; try again later.",
}


# Arguments that REST takes under another name.
_ARGUMENTS = {
    "after": "cursor",
    "afterSeq": "Last-Event-ID",
    "first": "limit",
    "idempotencyKey": "Idempotency-Key",
    "priceMax": "max_price",
    "priceMin": "min_price",
}


class ApiError(Exception):
    """An answer other than success: a status, a stable code, and what to do about it.

    `field` is the path of the fault in the request as the client wrote it (`items.0.product_id`),
    `retry_after` in seconds.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.extra_headers = dict(headers or {})

    def headers(self) -> dict[str, str]:
        """Headers that the status owes: RFC 6750 3 for 401, RFC 9110 10.2.3 for what may be sent again."""
        found = dict(self.extra_headers)
        if self.status is HTTPStatus.UNAUTHORIZED:
            found["WWW-Authenticate"] = 'Bearer realm="supergraph"'
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        return found


def named(name: str, message: str, *, field: str | None = None, retry_after: int | None = None) -> ApiError:
    """The error that a code or a GraphQL type name stands for; INTERNAL for an unknown one."""
    row = _BY_NAME.get(name, _INTERNAL)
    if row.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        retry_after = retry_after or RETRY_AFTER_SECONDS
    return ApiError(
        row.status, row.code, _MASKED.get(row.code, message), field=field, retry_after=retry_after
    )


def unavailable() -> ApiError:
    return named("UNAVAILABLE", "")


def outcome_unknown(idempotency_key: str) -> ApiError:
    """For a change of which nobody can say whether it was made, and which is safe to repeat under this key."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        "A service behind this request does not answer; send it again with the Idempotency-Key of this answer, and it "
        "is done once.",
        retry_after=RETRY_AFTER_SECONDS,
        headers={"Idempotency-Key": idempotency_key},
    )


def internal() -> ApiError:
    return named("INTERNAL", "")


def not_found(what: str) -> ApiError:
    """For what does not exist and for what the caller may not see: telling them apart would leak."""
    return named("NOT_FOUND", f"There is no such {what}.")


def from_error_type(node: Mapping[str, Any]) -> ApiError:
    """The error that a union's member other than its success says."""
    name = node["__typename"] if node["__typename"] in _BY_NAME else node.get("code", "INTERNAL")
    if name not in _BY_NAME:
        log.error("unmapped_error", typename=node["__typename"], code=name)
    return named(
        name, node.get("message", ""), field=_field(node.get("field")), retry_after=node.get("retryAfter")
    )


def from_graphql(errors: Iterable[Mapping[str, Any]], *, operation: str) -> ApiError:
    """The error that a GraphQL answer's `errors` amount to: the first that the table knows.

    Those without a code that it knows are faults of ours (an operation that the schema refuses, a
    resolver that failed); they are logged and masked.
    """
    faults = [(str((e.get("extensions") or {}).get("code", "")), e) for e in errors]
    for code, error in faults:
        row = _BY_NAME.get(code, _INTERNAL)
        if row is not _INTERNAL:
            extensions = error.get("extensions") or {}
            retry_after = extensions.get("retryAfter")
            return named(
                code,
                str(error.get("message", "")),
                field=_field(extensions.get("field")),
                retry_after=retry_after if isinstance(retry_after, int) else None,
            )
    log.error(
        "graphql_errors",
        operation=operation,
        errors=[{"code": c, "message": e.get("message")} for c, e in faults],
    )
    return internal()


def _field(path: object) -> str | None:
    """A GraphQL argument path in REST's words: `input.items.0.productId` is `items.0.product_id`."""
    if not isinstance(path, str) or not path:
        return None
    if path in _ARGUMENTS:
        return _ARGUMENTS[path]
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: f"_{m[1].lower()}", path.removeprefix("input."))

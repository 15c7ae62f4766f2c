"""The errors a use case may raise, each with a stable code.

    DomainError
    ├── ValidationFailed     VALIDATION_FAILED   422   names the field
    ├── NotFound             NOT_FOUND           404
    ├── Conflict             CONFLICT            409
    ├── Forbidden            FORBIDDEN           403
    ├── Unauthenticated      UNAUTHENTICATED     401
    ├── RateLimited          RATE_LIMITED        429   carries retry_after in seconds
    └── Unavailable          UNAVAILABLE         503   a dependency is down; the request may be sent again

A slice adds its own below these (`subgraphs/*/domain/errors.py`). Each has one GraphQL error type, or is a
top-level GraphQL error by its code, and one HTTP status.
"""

from typing import ClassVar


class DomainError(Exception):
    """Base of every error that a client may see as it is. The message says what happened and what to do."""

    code: ClassVar[str] = "INTERNAL"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationFailed(DomainError):
    code = "VALIDATION_FAILED"
    http_status = 422

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(DomainError):
    code = "NOT_FOUND"
    http_status = 404


class Conflict(DomainError):
    code = "CONFLICT"
    http_status = 409


class Forbidden(DomainError):
    code = "FORBIDDEN"
    http_status = 403


class Unauthenticated(DomainError):
    code = "UNAUTHENTICATED"
    http_status = 401


class RateLimited(DomainError):
    code = "RATE_LIMITED"
    http_status = 429

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(DomainError):
    code = "UNAVAILABLE"
    http_status = 503


class StartError(Exception):
    """A process cannot start or do its command; not for clients. The message says why and what to do."""

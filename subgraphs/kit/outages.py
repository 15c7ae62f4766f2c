"""Which exceptions mean that a dependency cannot be reached, rather than a fault of ours.

Each module that wraps a driver registers what that driver raises, so that a service imports the
drivers it uses and no others: they are most of the time that a process takes to start.
"""

import errno
import socket
import ssl
from collections.abc import Callable

Predicate = Callable[[BaseException], bool]

_PREDICATES: list[Predicate] = []

_ERRNOS = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENOTCONN,
        errno.EADDRNOTAVAIL,
    }
)
_KINDS = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def register(predicate: Predicate) -> None:
    """Add what one driver raises; called once, where the driver is wrapped."""
    _PREDICATES.append(predicate)


def is_outage(error: BaseException) -> bool:
    """Whether the request may succeed when it is sent again later."""
    return is_network_error(error) or any(predicate(error) for predicate in _PREDICATES)


def is_network_error(error: BaseException | None) -> bool:
    """Whether a connection failed. Other OSErrors, of a file that is missing say, are faults of ours."""
    if not isinstance(error, OSError):
        return False
    # asyncio gathers the refusals of a host with several addresses into one error without a number.
    several = type(error) is OSError and error.errno is None and str(error).startswith("Multiple exceptions")
    return isinstance(error, _KINDS) or error.errno in _ERRNOS or several

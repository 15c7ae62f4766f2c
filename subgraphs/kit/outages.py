"""Which exceptions mean that a dependency cannot be reached, rather than a fault of ours.

Each module that wraps a driver registers what that driver raises, so that a service imports the
drivers it uses and no others: they are most of the time that a process takes to start.
"""

from collections.abc import Callable

Predicate = Callable[[BaseException], bool]

_PREDICATES: list[Predicate] = []


def register(predicate: Predicate) -> None:
    """Add what one driver raises; called once, where the driver is wrapped."""
    _PREDICATES.append(predicate)


def is_outage(error: BaseException) -> bool:
    """Whether the request may succeed when it is sent again later. OSError covers time-outs."""
    return isinstance(error, OSError) or any(predicate(error) for predicate in _PREDICATES)

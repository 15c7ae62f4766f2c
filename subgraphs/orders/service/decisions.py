"""Deciding about an order that others change at the same time."""

from collections.abc import Awaitable, Callable

from subgraphs.orders.domain.errors import StaleOrder
from subgraphs.orders.domain.orders import Order


async def decided(decide: Callable[[], Awaitable[Order]]) -> Order:
    """The order that `decide` changed, which reads it anew each time that another change came first."""
    while True:
        try:
            return await decide()
        except StaleOrder:
            continue  # each time somebody else's change went through, so this ends

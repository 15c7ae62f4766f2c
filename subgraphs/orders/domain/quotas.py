"""How much one account may have ordered and not paid: stock that is held for it is kept from everybody else."""

from collections.abc import Sequence
from dataclasses import dataclass

from subgraphs.orders.domain.errors import QuotaExceeded
from subgraphs.orders.domain.items import OrderLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The unpaid orders of an account, and the units in them."""

    orders: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The most that one account may have unpaid; 0 is no limit."""

    open_orders: int = 0
    held_units: int = 0

    def __bool__(self) -> bool:
        return bool(self.open_orders or self.held_units)

    def check(self, usage: Usage, lines: Sequence[OrderLine]) -> None:
        """Raises QuotaExceeded where an order of `lines` comes on top of `usage` and is too much."""
        if self.open_orders and usage.orders >= self.open_orders:
            raise QuotaExceeded(
                f"The account has {usage.orders} orders that are not paid, and may have {self.open_orders}; "
                "pay or cancel one of them first."
            )
        units = sum(line.quantity for line in lines)
        if self.held_units and usage.units + units > self.held_units:
            raise QuotaExceeded(
                f"The account has {usage.units} units in orders that are not paid, and may have {self.held_units}; "
                f"{units} more are too many. Order fewer, or pay or cancel what is open first."
            )

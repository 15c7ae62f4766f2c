"""One line of the printed table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program that does the same, in the unit of the row."""

    name: str
    value: float

    def measured(self, unit: str) -> str:
        return (
            f"{self.name} {self.value:,.0f} {unit}"
            if self.value >= 99.5
            else f"{self.name} {self.value:.2g} {unit}"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` is what people read; `value` in `unit` is the same as a number, where runs are to be compared by it.

    `limit` is the most that `value` should be, where there is such a budget, and `budget` how it is printed.
    """

    what: str
    measured: str
    beside: str = ""
    budget: str = ""
    within: bool | None = None
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    peers: tuple[Peer, ...] = ()

    def ratios(self) -> list[str]:
        """How many times as much each peer takes: above 1 we are the cheaper one."""
        return [f"{peer.value / self.value:.2f} x" for peer in self.peers] if self.value else []


def at_most(what: str, value: float, limit: float, unit: str, *, beside: str = "") -> Row:
    """A row with a budget that `value` should not exceed."""
    return Row(
        what, f"{value:,.1f} {unit}", beside, f"≤ {limit:g} {unit}", value <= limit, value, unit, limit
    )


def cpu_time(
    what: str, ms: float, *, limit: float | None = None, beside: str = "", peers: tuple[Peer, ...] = ()
) -> Row:
    """A row of CPU time a request, in milliseconds."""
    budget, within = ("", None) if limit is None else (f"≤ {limit:g} ms", ms <= limit)
    return Row(what, f"{ms:.2f} ms CPU", beside, budget, within, ms, "ms CPU", limit, peers)

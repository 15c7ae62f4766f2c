"""One line of the printed table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    measured: str
    beside: str = ""
    budget: str = ""
    within: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str, *, beside: str = "") -> Row:
    """A row with a budget that `value` should not exceed."""
    return Row(what, f"{value:,.1f} {unit}", beside, f"≤ {limit:g} {unit}", value <= limit)

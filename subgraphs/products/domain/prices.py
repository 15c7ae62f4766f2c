"""Prices of any currency on one scale, so that a list can be filtered and sorted by them."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS, Amount

# Currencies have 0, 2 or 3 decimals.
_SCALE = 3


def price_rank(price: Amount) -> int:
    """Thousandths of the major unit, whatever the currency: what prices are sorted and filtered by.

    Amounts are compared as numbers; nothing is converted.
    """
    return int(price.minor * 10 ** (_SCALE - EXPONENTS[price.currency]))


def lowest_rank(value: Decimal | None, *, field: str) -> int | None:
    """The least rank of a price of at least `value`. Raises ValidationFailed where no price can be compared with it."""
    return None if value is None else _rank(value, ROUND_CEILING, field=field)


def highest_rank(value: Decimal | None, *, field: str) -> int | None:
    """The greatest rank of a price of at most `value`; raises as `lowest_rank` does."""
    return None if value is None else _rank(value, ROUND_FLOOR, field=field)


def _rank(value: Decimal, rounding: str, *, field: str) -> int:
    # The size is looked at before the integer is built: 1e999999 would take minutes.
    if not value.is_finite() or value.adjusted() > len(str(MAX_MINOR_UNITS)) or value < 0:
        raise ValidationFailed(f"{field} must be an amount of 0 or more", field=field)
    return int(value.scaleb(_SCALE).to_integral_value(rounding))

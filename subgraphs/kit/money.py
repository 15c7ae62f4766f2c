"""Money as integer minor units with an ISO 4217 currency; decimals exist only at the edges."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NewType, Self

from subgraphs.kit.errors import ValidationFailed

MinorUnits = NewType("MinorUnits", int)

# ISO 4217 table A.1: the digits after the point of each currency that prices may be given in.
EXPONENTS = {
    "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "HKD": 2,
    "INR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "MXN": 2, "NOK": 2, "NZD": 2, "PLN": 2, "SEK": 2, "SGD": 2,
    "TND": 3, "USD": 2, "ZAR": 2,
}  # fmt: skip

# PostgreSQL's bigint and MongoDB's int64 hold more; no price or order needs it, and sums stay safe.
MAX_MINOR_UNITS = 10**15
_MAX_DIGITS = len(str(MAX_MINOR_UNITS))


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of one currency; arithmetic between currencies is refused."""

    minor: MinorUnits
    currency: str

    @classmethod
    def parse(cls, value: Decimal, currency: str, *, field: str = "price") -> Self:
        """The amount that `value` major units are.

        Raises ValidationFailed for an unknown currency, a value finer than the currency's minor unit,
        a negative one, or one that is not finite or too large.
        """
        exponent = exponent_of(currency)
        if not value.is_finite():
            raise ValidationFailed(f"{field} must be a finite amount", field=field)
        # Seen by its exponent, before an integer is built: int(Decimal("1e999990")) takes most of a minute.
        too_large = value.adjusted() + exponent > _MAX_DIGITS
        minor = 0 if too_large else int(value.scaleb(exponent))
        if too_large or not 0 <= minor <= MAX_MINOR_UNITS or (minor == 0 and value < 0):
            raise ValidationFailed(
                f"{field} must be between 0 and {MAX_MINOR_UNITS} minor units", field=field
            )
        if value != Decimal(minor).scaleb(-exponent):
            raise ValidationFailed(
                f"{field} has more than {exponent} decimals, {currency}'s limit", field=field
            )
        return cls(MinorUnits(minor), currency)

    def decimal(self) -> Decimal:
        """Major units with the currency's own number of decimals: `Decimal("99.90")`."""
        return Decimal(self.minor).scaleb(-EXPONENTS[self.currency])

    def __add__(self, other: "Amount") -> "Amount":
        self._same_currency(other)
        return Amount(MinorUnits(self.minor + other.minor), self.currency)

    def __mul__(self, quantity: int) -> "Amount":
        return Amount(MinorUnits(self.minor * quantity), self.currency)

    def _same_currency(self, other: "Amount") -> None:
        if self.currency != other.currency:
            raise ValidationFailed(f"cannot add {other.currency} to {self.currency}", field="currency")


def exponent_of(currency: str) -> int:
    """Digits after the point of `currency`; raises ValidationFailed for one that is not supported."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise ValidationFailed(
            f"{currency!r} is not a supported ISO 4217 currency", field="currency"
        ) from None

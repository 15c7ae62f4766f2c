"""Where an order goes, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.texts import check_text

_API_NAMES = {"zip_code": "zipCode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingDetails:
    """Every part is optional, as documented."""

    address: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip_code: str | None = None
    method: str | None = None

    def check(self) -> None:
        """Raises ValidationFailed, naming the part that does not fit as clients know it."""
        for part in fields(self):
            name = _API_NAMES.get(part.name, part.name)
            check_text(getattr(self, part.name), field=f"shipping.{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingRate:
    """What one way of shipping costs, by currency. None stands for any method and any country."""

    method: str | None
    country: str | None
    costs: Mapping[str, Amount]

    def fits(self, details: ShippingDetails) -> bool:
        return _same(self.method, details.method) and _same(self.country, details.country)


@dataclass(frozen=True, slots=True)
class ShippingRates:
    """The table of rates. An empty one ships everything for nothing, and so goes an order without details."""

    rates: tuple[ShippingRate, ...] = ()

    def check(self, details: ShippingDetails | None) -> None:
        """Raises ValidationFailed where nothing ships like that, whatever the currency."""
        if details is not None and self.rates:
            self._best(details)

    def cost(self, details: ShippingDetails | None, currency: str) -> Amount:
        """What shipping like that costs, by the most exact rate: the method counts before the country.

        Raises ValidationFailed where there is no such way, or none that is paid in `currency`.
        """
        if details is None or not self.rates:
            return Amount(MinorUnits(0), currency)
        cost = self._best(details).costs.get(currency)
        if cost is None:
            raise ValidationFailed(
                f"This way of shipping cannot be paid in {currency}.", field="shipping.method"
            )
        return cost

    def _best(self, details: ShippingDetails) -> ShippingRate:
        fitting = [rate for rate in self.rates if rate.fits(details)]
        if not fitting:
            methods = ", ".join(sorted({rate.method for rate in self.rates if rate.method}))
            raise ValidationFailed(
                f"There is no such way of shipping to that country. Methods: {methods}.",
                field="shipping.method",
            )
        return max(fitting, key=lambda rate: (rate.method is not None, rate.country is not None))


def _same(wanted: str | None, given: str | None) -> bool:
    return wanted is None or (given is not None and wanted.casefold() == given.strip().casefold())

"""Where an order goes, and how."""

from dataclasses import dataclass, fields

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

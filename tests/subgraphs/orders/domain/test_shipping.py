from dataclasses import fields

import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.orders.domain.shipping import ShippingDetails, ShippingRate, ShippingRates
from tests.subgraphs.orders.orders_harness import RATES

_NAMES = {"address", "city", "state", "country", "zipCode", "method"}


def test_a_part_that_does_not_fit_is_named_as_clients_know_it():
    named = set()
    for part in fields(ShippingDetails):
        ShippingDetails(**{part.name: "x" * 200}).check()
        with pytest.raises(ValidationFailed) as refused:
            ShippingDetails(**{part.name: "x" * 201}).check()
        named.add(refused.value.field)
    assert named == {f"shipping.{name}" for name in _NAMES}


@pytest.mark.parametrize(
    ("method", "country", "minor"),
    [
        (None, None, 0),
        (None, "CH", 0),
        ("standard", "CH", 500),
        (" Standard ", "ch", 500),
        ("standard", "DE", 900),
        ("standard", None, 900),
        ("express", "CH", 1500),
        # No rate of its own, so the one for any method.
        ("express", "DE", 0),
    ],
)
def test_the_most_exact_rate_counts(method: str | None, country: str | None, minor: int):
    details = ShippingDetails(method=method, country=country)
    RATES.check(details)
    assert RATES.cost(details, "USD") == Amount(MinorUnits(minor), "USD")


def test_what_no_rate_fits_is_refused_and_so_is_a_currency_without_a_price():
    only = ShippingRates(
        (ShippingRate(method="post", country="CH", costs={"CHF": Amount(MinorUnits(7), "CHF")}),)
    )
    for details in (
        ShippingDetails(),
        ShippingDetails(method="post"),
        ShippingDetails(method="x", country="CH"),
    ):
        with pytest.raises(ValidationFailed) as refused:
            only.check(details)
        assert refused.value.field == "shipping.method"
    home = ShippingDetails(method="post", country="CH")
    only.check(home)
    assert only.cost(home, "CHF").minor == 7
    with pytest.raises(ValidationFailed, match="cannot be paid in USD"):
        only.cost(home, "USD")


def test_without_rates_or_details_shipping_is_free():
    express = ShippingDetails(method="express", country="CH")
    assert ShippingRates().cost(express, "EUR") == Amount(MinorUnits(0), "EUR")
    assert RATES.cost(None, "GBP") == Amount(MinorUnits(0), "GBP")

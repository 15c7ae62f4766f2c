from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.products.domain.prices import price_rank

AMOUNTS = st.builds(
    Amount, st.integers(0, MAX_MINOR_UNITS).map(MinorUnits), st.sampled_from(sorted(EXPONENTS))
)


@given(AMOUNTS)
def test_an_amount_survives_its_decimal(amount: Amount) -> None:
    assert Amount.parse(amount.decimal(), amount.currency) == amount


@given(AMOUNTS, AMOUNTS)
def test_prices_rank_as_their_decimals_do(one: Amount, other: Amount) -> None:
    assert (price_rank(one) < price_rank(other)) == (one.decimal() < other.decimal())


@given(AMOUNTS)
def test_rank_of_a_price_fits_bson(amount: Amount) -> None:
    assert price_rank(amount) < 2**63


@pytest.mark.parametrize(
    "price",
    ["-0.01", "-1e-999999", "0.001", "1e14", "1e999990", "-1e999990", "1E+999999", "NaN", "sNaN", "Infinity"],
)
def test_impossible_price_is_refused_at_once(price: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        Amount.parse(Decimal(price), "USD")
    assert refusal.value.field == "price"


@pytest.mark.parametrize("price", ["0", "0.00", "-0", "99.990000", "1e3"])
def test_price_may_be_written_in_many_ways(price: str) -> None:
    assert Amount.parse(Decimal(price), "USD").decimal() == Decimal(price)

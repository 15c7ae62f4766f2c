from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.products.domain.lists import ProductFilter
from subgraphs.products.domain.prices import price_rank

AMOUNTS = st.builds(
    Amount, st.integers(0, MAX_MINOR_UNITS).map(MinorUnits), st.sampled_from(sorted(EXPONENTS))
)


@given(AMOUNTS)
def test_bounds_of_a_price_include_it(amount: Amount) -> None:
    price = amount.decimal()
    wanted = ProductFilter.of(price_min=price, price_max=price)
    assert wanted.price_min == wanted.price_max == price_rank(amount)


def test_bounds_between_two_prices_round_inwards() -> None:
    wanted = ProductFilter.of(price_min=Decimal("1.00001"), price_max=Decimal("1.99999"))
    assert (wanted.price_min, wanted.price_max) == (1001, 1999)


@pytest.mark.parametrize("bound", ["-1", "NaN", "Infinity", "1e999999"])
@pytest.mark.parametrize("side", ["price_min", "price_max"])
def test_impossible_bound_is_refused_at_once(side: str, bound: str) -> None:
    with pytest.raises(ValidationFailed):
        ProductFilter.of(**{side: Decimal(bound)})


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationFailed) as refusal:
        ProductFilter.of(price_min=Decimal(2), price_max=Decimal(1))
    assert refusal.value.field == "filter.priceMin"

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS, Amount, MinorUnits

amounts = st.builds(
    Amount, st.integers(0, MAX_MINOR_UNITS).map(MinorUnits), st.sampled_from(sorted(EXPONENTS))
)


@given(amounts)
def test_an_amount_survives_its_decimal_form(amount: Amount):
    assert Amount.parse(amount.decimal(), amount.currency) == amount
    assert Amount.parse(Decimal(str(amount.decimal())), amount.currency) == amount


@given(amounts)
def test_a_decimal_form_has_the_decimals_of_its_currency(amount: Amount):
    assert -amount.decimal().as_tuple().exponent == EXPONENTS[amount.currency]  # type: ignore[operator]


@given(amounts, amounts, st.integers(1, 1000))
def test_arithmetic_is_exact_within_a_currency_and_refused_between_two(
    one: Amount, other: Amount, quantity: int
):
    assert (one * quantity).minor == one.minor * quantity
    if one.currency == other.currency:
        assert (one + other).minor == one.minor + other.minor
    else:
        with pytest.raises(ValidationFailed):
            one + other


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("99.99", "USD", 9999),
        ("99.9", "USD", 9990),
        ("1E+2", "JPY", 100),
        ("0", "KWD", 0),
        ("1.234", "TND", 1234),
    ],
)
def test_major_units_become_minor_units(value: str, currency: str, minor: int):
    assert Amount.parse(Decimal(value), currency) == Amount(MinorUnits(minor), currency)


@pytest.mark.parametrize(
    ("value", "currency", "field"),
    [
        ("0.001", "USD", "price"),
        ("0.1", "JPY", "price"),
        ("-0.01", "USD", "price"),
        ("-1E-9", "USD", "price"),
        ("NaN", "USD", "price"),
        ("Infinity", "USD", "price"),
        ("10000000000000.01", "USD", "price"),
        ("1e999990", "USD", "price"),
        ("1", "XXX", "currency"),
        ("1", "usd", "currency"),
    ],
)
def test_what_is_no_amount_is_refused_by_name(value: str, currency: str, field: str):
    with pytest.raises(ValidationFailed) as refused:
        Amount.parse(Decimal(value), currency)
    assert refused.value.field == field

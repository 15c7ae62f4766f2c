from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.products.domain.catalogue import (
    CategoryId,
    Product,
    ProductChanges,
    ProductDraft,
    ProductFilter,
    ProductId,
    price_rank,
    revise,
)

AMOUNTS = st.builds(
    Amount, st.integers(0, MAX_MINOR_UNITS).map(MinorUnits), st.sampled_from(sorted(EXPONENTS))
)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
MUG = Product(
    id=ProductId("p1"),
    sku="MUG-1",
    name="Enamel Mug",
    description="Blue rim.",
    price=Amount(MinorUnits(1250), "USD"),
    category_id=CategoryId("c1"),
    tags=("enamel",),
    available=3,
    active=True,
    deleted=False,
    version=1,
    created_at=NOW,
    updated_at=NOW,
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


def draft(**fields) -> ProductDraft:
    given_fields = {
        "name": "Mug",
        "description": None,
        "price": Decimal(1),
        "currency": "USD",
        "stock": 0,
        "sku": None,
        "tags": (),
        "active": True,
    }
    return ProductDraft.of(**{**given_fields, **fields})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("description", "x" * 5001),
        ("price", Decimal("1.001")),
        ("price", Decimal(-1)),
        ("currency", "XXX"),
        ("stock", -1),
        ("stock", 10**9 + 1),
        ("sku", "a b"),
        ("tags", [""]),
        ("tags", ["x" * 41]),
        ("tags", [str(n) for n in range(21)]),
    ],
)
def test_unfit_field_of_a_draft_is_named(field: str, value: object) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        draft(**{field: value})
    assert refusal.value.field == field


def test_currency_is_known_in_any_case() -> None:
    assert draft(currency=" eur ").price.currency == "EUR"


def test_blank_description_is_none() -> None:
    assert draft(description="  \n").description is None


def test_absent_fields_stay() -> None:
    assert revise(MUG, ProductChanges()) == MUG


def test_null_clears_what_may_be_empty() -> None:
    revised = revise(MUG, ProductChanges(description=None, category_id=None, tags=None))
    assert (revised.description, revised.category_id, revised.tags) == (None, None, ())


@pytest.mark.parametrize("field", ["name", "price", "currency", "stock", "sku", "active"])
def test_null_is_refused_where_a_value_is_needed(field: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        revise(MUG, ProductChanges(**{field: None}))
    assert refusal.value.field == field


def test_new_currency_alone_keeps_the_amount() -> None:
    assert revise(MUG, ProductChanges(currency="EUR")).price == Amount(MinorUnits(1250), "EUR")


def test_new_currency_that_cannot_hold_the_amount_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="more than 0 decimals"):
        revise(MUG, ProductChanges(currency="JPY"))

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.money import Amount, MinorUnits
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.products import NewProduct, Product, ProductChanges, ProductId, revise

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


def product(**fields) -> Product:
    return NewProduct(**{"name": "Mug", "price": Decimal(1), **fields}).product(ProductId("p2"), at=NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "x" * 1_000_000),
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
def test_unfit_field_of_a_new_product_is_named(field: str, value: object) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        product(**{field: value})
    assert refusal.value.field == field


def test_currency_is_known_in_any_case() -> None:
    assert product(currency=" eur ").price.currency == "EUR"


def test_blank_description_is_none() -> None:
    assert product(description="  \n").description is None


def test_new_product_without_sku_gets_one_of_its_name() -> None:
    assert product(name="  Enamel  Mug ").sku.startswith("ENA-MUG-")


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

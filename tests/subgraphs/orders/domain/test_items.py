import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import NotFound, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import MAX_LINES, MAX_QUANTITY, OrderItem, OrderLine, merge_lines, total_of

_IDS = [ProductId(f"0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c1{i}") for i in "abcdef"]


@given(st.lists(st.tuples(st.sampled_from(_IDS), st.integers(1, 160)), min_size=1, max_size=6))
def test_merged_lines_keep_every_unit_once_per_product_and_in_order(pairs: list[tuple[ProductId, int]]):
    merged = merge_lines([OrderLine(p, q) for p, q in pairs])
    assert [line.product_id for line in merged] == sorted({p for p, _ in pairs})
    for line in merged:
        assert line.quantity == sum(q for p, q in pairs if p == line.product_id)
    assert merge_lines(merged) == merged
    assert merge_lines([OrderLine(p, q) for p, q in reversed(pairs)]) == merged


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([], "items"),
        ([OrderLine(ProductId(new_id()), 1) for _ in range(MAX_LINES + 1)], "items"),
        ([OrderLine(_IDS[0], 0)], "items.0.quantity"),
        ([OrderLine(_IDS[0], 1), OrderLine(_IDS[1], -1)], "items.1.quantity"),
        ([OrderLine(_IDS[0], MAX_QUANTITY + 1)], "items.0.quantity"),
        ([OrderLine(_IDS[0], MAX_QUANTITY), OrderLine(_IDS[0], 1)], "items.1.quantity"),
        ([OrderLine(_IDS[0], 2**31 - 1)], "items.0.quantity"),
    ],
)
def test_lines_that_do_not_fit_are_refused_by_name(lines: list[OrderLine], field: str):
    with pytest.raises(ValidationFailed) as refused:
        merge_lines(lines)
    assert refused.value.field == field


@pytest.mark.parametrize("bad", ["", "1", "lamp", "\0", _IDS[0].upper(), f"{_IDS[0]} ", "x" * 10_000])
def test_what_cannot_be_a_product_is_not_found(bad: str):
    with pytest.raises(NotFound) as refused:
        merge_lines([OrderLine(_IDS[0], 1), OrderLine(ProductId(bad), 1)])
    assert refused.value.message == "There is no such product: items.1.productId."


def _item(minor: int, quantity: int, currency: str = "USD") -> OrderItem:
    return OrderItem(
        id=new_id(),
        order_id=OrderId(new_id()),
        product_id=ProductId(new_id()),
        quantity=quantity,
        name="Lamp",
        sku="LAMP-1",
        price=Amount(MinorUnits(minor), currency),
    )


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, MAX_QUANTITY)), min_size=1, max_size=20))
def test_the_total_is_the_exact_sum_in_the_items_currency(pairs: list[tuple[int, int]]):
    total = total_of([_item(minor, quantity, "JPY") for minor, quantity in pairs])
    assert total == Amount(MinorUnits(sum(m * q for m, q in pairs)), "JPY")


def test_a_total_in_two_currencies_is_refused():
    with pytest.raises(ValidationFailed) as refused:
        total_of([_item(100, 1, "USD"), _item(100, 1, "EUR")])
    assert refused.value.field == "items"


def test_a_total_that_would_not_fit_the_database_is_refused():
    assert total_of([_item(MAX_MINOR_UNITS, 1)]).minor == MAX_MINOR_UNITS
    with pytest.raises(ValidationFailed):
        total_of([_item(MAX_MINOR_UNITS, MAX_QUANTITY) for _ in range(MAX_LINES)])
    with pytest.raises(ValidationFailed):
        total_of([_item(MAX_MINOR_UNITS, 1), _item(1, 1)])

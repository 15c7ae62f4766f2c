import re
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import NotFound, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.money import MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.orders.domain.ids import OrderId, ProductId, new_number
from subgraphs.orders.domain.items import MAX_LINES, MAX_QUANTITY, OrderItem, OrderLine, merge_lines, total_of
from subgraphs.orders.domain.texts import check_text
from subgraphs.orders.domain.transitions import SOLD, TERMINAL, TRANSITIONS, Action, OrderStatus

# The table of consistency.md, written down once more: state, action, state.
_TABLE = """
PENDING_STOCK hold AWAITING_PAYMENT
PENDING_STOCK reject REJECTED
PENDING_STOCK expire EXPIRED
PENDING_STOCK cancel CANCELLING
AWAITING_PAYMENT pay PAYING
AWAITING_PAYMENT expire EXPIRED
AWAITING_PAYMENT cancel CANCELLING
PAYING capture PAID
PAYING decline AWAITING_PAYMENT
PAYING expire EXPIRED
PAID cancel CANCELLING
PROCESSING cancel CANCELLING
CANCELLING finish_cancel CANCELLED
"""
_LEGAL = {(s, a): t for s, a, t in (row.split() for row in _TABLE.split("\n") if row)}
_IDS = [ProductId(f"0199f6c2-7d1e-7a40-9c55-2f1f0b8a4c1{i}") for i in "abcdef"]


@pytest.mark.parametrize(("status", "action"), list(product(OrderStatus, Action)))
def test_each_state_and_action_is_in_the_table_or_nowhere(status: OrderStatus, action: Action):
    assert TRANSITIONS.get((status, action)) == _LEGAL.get((status.value, action.value))


def test_nothing_leaves_a_terminal_state_and_every_other_state_is_left_or_waits_for_shipping():
    left = {source for source, _ in TRANSITIONS}
    assert not left & TERMINAL
    assert set(OrderStatus) - left - TERMINAL == {OrderStatus.SHIPPED}


def test_sold_states_are_those_after_the_payment():
    assert {status.value for status in SOLD} == {"PAID", "PROCESSING", "SHIPPED", "DELIVERED"}


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


@pytest.mark.parametrize(("value", "least"), [(None, 1), ("", 0), ("x" * 200, 0), ("Zürich 東京", 1)])
def test_text_that_fits_is_let_through(value: str | None, least: int):
    check_text(value, field="reason", least=least)


@pytest.mark.parametrize(("value", "least"), [("", 1), ("x" * 201, 0), ("a\0b", 0)])
def test_text_that_the_database_would_refuse_is_refused_by_name(value: str, least: int):
    with pytest.raises(ValidationFailed) as refused:
        check_text(value, field="reason", least=least)
    assert refused.value.field == "reason"


def test_a_number_is_the_day_and_eight_letters_that_cannot_be_misread():
    at = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
    numbers = {new_number(at) for _ in range(500)}
    assert len(numbers) == 500
    for number in numbers:
        assert re.fullmatch(r"ORD-20260131-[0-9A-HJKMNP-TV-Z]{8}", number)

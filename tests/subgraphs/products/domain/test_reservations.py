import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.reservations import ReservationLine, check_order_id, merge_lines


def line(product: str, quantity: int) -> ReservationLine:
    return ReservationLine(product_id=ProductId(product), quantity=quantity)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 1000)), min_size=1))
def test_merging_keeps_every_unit_and_orders_by_product(pairs: list[tuple[str, int]]) -> None:
    merged = merge_lines(line(p, q) for p, q in pairs)
    products = [m.product_id for m in merged]
    assert products == sorted(set(products))
    assert {m.product_id: m.quantity for m in merged} == {
        p: sum(q for x, q in pairs if x == p) for p, _ in pairs
    }


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [line("", 1)],
        [line("a", 0)],
        [line("a", -1)],
        [line("a", 5), line("a", -1)],
        [line("a", 10**9), line("a", 1)],
        [line(str(n), 1) for n in range(201)],
    ],
)
def test_unfit_lines_are_refused(lines: list[ReservationLine]) -> None:
    with pytest.raises(ValidationFailed):
        merge_lines(lines)


@pytest.mark.parametrize("order_id", ["", "x" * 101])
def test_unfit_order_id_is_refused(order_id: str) -> None:
    with pytest.raises(ValidationFailed):
        check_order_id(order_id)

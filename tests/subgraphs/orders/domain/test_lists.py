import pytest

from subgraphs.kit.errors import ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.kit.pagination import encode_cursor
from subgraphs.orders.domain.ids import OrderId
from subgraphs.orders.domain.lists import OrderPage


def test_a_page_is_twenty_orders_from_the_newest_unless_the_client_says_otherwise():
    order_id = OrderId(new_id())
    assert OrderPage.parse(first=None, after=None) == OrderPage(size=20, before=None)
    assert OrderPage.parse(first=100, after=encode_cursor((order_id,))) == OrderPage(
        size=100, before=order_id
    )


@pytest.mark.parametrize(
    ("first", "after", "field"),
    [(0, None, "first"), (101, None, "first"), (1, "", "after"), (1, encode_cursor(("lamp",)), "after")],
)
def test_a_page_that_is_none_is_refused_by_name(first: int, after: str | None, field: str):
    with pytest.raises(ValidationFailed) as refused:
        OrderPage.parse(first=first, after=after)
    assert refused.value.field == field

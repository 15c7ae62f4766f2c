"""Keys of lists sort as the values that they are made of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from subgraphs.kit.money import MAX_MINOR_UNITS, Amount, MinorUnits
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import ProductSort, cursor_key
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.store.list_keys import ORDERS, list_fields

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MUG = Product(
    id=ProductId("p1"),
    sku="MUG",
    name="Mug",
    description=None,
    price=Amount(MinorUnits(100), "USD"),
    category_id=CategoryId("c1"),
    tags=(),
    available=0,
    active=True,
    deleted=False,
    version=1,
    created_at=NOON,
    updated_at=NOON,
)
letters = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=8).filter(str.strip)
products = st.builds(
    lambda name, minor, currency, ms, number: replace(
        MUG,
        id=ProductId(f"p{number}"),
        name=name,
        price=Amount(MinorUnits(minor), currency),
        created_at=NOON + timedelta(milliseconds=ms),
    ),
    letters,
    st.integers(0, MAX_MINOR_UNITS),
    st.sampled_from(["USD", "JPY", "KWD"]),
    st.integers(0, 10**12),
    st.integers(1, 3),
)


@given(products, products)
def test_keys_of_two_products_compare_as_their_values_and_ids_do(one, other) -> None:
    for sort, order in ORDERS.items():
        keys = [list_fields(product)["lists"] for product in (one, other)]
        values = [cursor_key(sort, product)[1:] for product in (one, other)]
        for name in (order.key, f"in_{order.key}"):
            assert (keys[0][name] < keys[1][name]) is (values[0] < values[1])
            # As the servers compare them.
            assert (keys[0][name].encode() < keys[1][name].encode()) is (values[0] < values[1])


def test_product_is_in_the_lists_of_its_category_and_a_deleted_one_in_none() -> None:
    assert set(list_fields(MUG)["lists"]) == {"newest", "name", "price", "in_newest", "in_name", "in_price"}
    assert set(list_fields(replace(MUG, category_id=None))["lists"]) == {"newest", "name", "price"}
    assert list_fields(replace(MUG, deleted=True, active=False))["lists"] == {}


def test_every_order_but_relevance_has_a_key() -> None:
    assert set(ORDERS) == set(ProductSort) - {ProductSort.RELEVANCE}

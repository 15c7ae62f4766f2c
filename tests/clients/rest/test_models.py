"""Bodies become variables, nodes become answers; money stays exact on the way."""

from decimal import Decimal

import orjson
import pytest
from graphql import GraphQLEnumType, build_schema
from hypothesis import given
from hypothesis import strategies as st

from clients.rest.models.base import LowerEnum
from clients.rest.models.orders import CreateOrderBody, Order, OrderStatus, PaymentStatus
from clients.rest.models.products import CreateProductBody, Product, ProductQuery, Sort
from clients.rest.models.users import ProfileBody, Role
from clients.rest.responses import encode
from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import API


def test_what_the_client_left_out_is_absent_and_null_stays_null() -> None:
    body = ProfileBody.model_validate({"first_name": "Ada", "phone": None})
    assert body.variables() == {"firstName": "Ada", "phone": None}


def test_nested_names_become_graphqls() -> None:
    body = CreateOrderBody.model_validate(
        {"items": [{"product_id": "p1", "quantity": 2}], "shipping": {"zip_code": "10115"}}
    )
    assert body.variables() == {
        "items": [{"productId": "p1", "quantity": 2}],
        "shipping": {"zipCode": "10115"},
    }


@given(st.decimals(min_value=0, max_value=10**13, places=2))
def test_a_price_keeps_its_digits_both_ways(price: Decimal) -> None:
    sent = CreateProductBody.model_validate({"name": "x", "price": str(price)}).variables()["price"]
    answer = encode(Product.model_validate(sample_objects.product(price=sample_objects.money(sent))))
    assert sent == format(price, "f")
    assert f'"price":{sent},'.encode() in answer
    assert orjson.loads(answer)["price"] == float(price)


def test_a_json_number_is_taken_by_its_digits() -> None:
    body = CreateProductBody.model_validate(orjson.loads(b'{"name": "x", "price": 0.1}'))
    assert body.variables() == {"name": "x", "price": "0.1"}


def test_an_integer_may_be_written_as_json_allows() -> None:
    body = CreateOrderBody.model_validate(orjson.loads(b'{"items": [{"product_id": "p1", "quantity": 2.0}]}'))
    assert body.variables() == {"items": [{"productId": "p1", "quantity": 2}]}


def test_an_order_is_told_in_the_documented_fields() -> None:
    shipping = {
        "address": "1 Main St", "city": "Berlin", "state": None, "country": "DE", "zipCode": "10115",
        "method": "standard", "cost": sample_objects.money("5.00"), "status": "pending", "trackingNumber": None,
    }  # fmt: skip
    payment = {
        "method": "card", "amount": sample_objects.money("204.80"), "refunded": sample_objects.money("0.00"), "status": "CAPTURED",
        "transactionId": "t1", "paidAt": "2026-01-05T10:00:01Z",
    }  # fmt: skip
    order = Order.model_validate(sample_objects.order(status="PAID", shipping=shipping, payment=payment))
    assert orjson.loads(encode(order)) == {
        "id": "o1", "number": "2026-000001", "user_id": "u1",
        "items": [{"product_id": "p1", "product_name": "Laptop", "sku": "LAP-1", "quantity": 2, "price": 99.9, "total": 199.8}],
        "subtotal": 199.8, "total": 204.8, "currency": "USD", "status": "paid",
        "shipping": {
            "address": "1 Main St", "city": "Berlin", "state": None, "country": "DE", "zip_code": "10115",
            "method": "standard", "cost": 5.0, "status": "pending", "tracking_number": None,
        },
        "payment": {
            "method": "card", "amount": 204.8, "refunded": 0.0, "status": "captured", "transaction_id": "t1",
            "paid_at": "2026-01-05T10:00:01Z",
        },
        "created_at": "2026-01-05T10:00:00Z", "updated_at": "2026-01-05T10:00:00.250000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "theirs"), [(Role, "Role"), (OrderStatus, "OrderStatus"), (PaymentStatus, "PaymentStatus")]
)
def test_enums_hold_every_value_of_the_schema(mine: type[LowerEnum], theirs: str) -> None:
    enum = build_schema(API.read_text()).type_map[theirs]
    assert isinstance(enum, GraphQLEnumType)
    assert {mine(value) for value in enum.values} == set(mine)
    assert {value.lower() for value in enum.values} == {member.value for member in mine}


def test_every_sort_is_one_of_the_schemas() -> None:
    enum = build_schema(API.read_text()).type_map["ProductSort"]
    assert isinstance(enum, GraphQLEnumType)
    assert {sort.name for sort in Sort} <= set(enum.values)


def test_images_are_told_by_their_addresses() -> None:
    product = Product.model_validate(sample_objects.product(images=[{"url": "http://localhost/i.webp"}]))
    assert orjson.loads(encode(product))["images"] == ["http://localhost/i.webp"]


def test_only_conditions_that_were_asked_for_are_sent() -> None:
    assert ProductQuery().filter() == {}
    query = ProductQuery.model_validate(
        {"category": "c1", "min_price": "10", "max_price": "99.99", "in_stock": "false", "tag": ["a"]}
    )
    assert query.filter() == {
        "categoryId": "c1", "priceMin": "10", "priceMax": "99.99", "inStock": False, "tags": ["a"],
    }  # fmt: skip

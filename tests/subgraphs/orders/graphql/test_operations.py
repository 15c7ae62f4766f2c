"""The service's GraphQL, through its whole application."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subgraphs.kit.graphql.bounds import undeclared
from subgraphs.kit.ids import new_id
from subgraphs.kit.pagination import encode_cursor
from subgraphs.kit.postgres.engine import Postgres
from subgraphs.kit.settings import DatabaseSettings
from subgraphs.orders.graphql.schema import schema
from subgraphs.orders.service import Orders
from tests.subgraphs.orders.orders_api import CANCEL, CREATE, PAY, OrdersApi
from tests.subgraphs.orders.orders_harness import eventually

ORDER = """
query Order($id: ID!) {
  order(id: $id) {
    id number status version user { id } subtotal { amount currency } total { amount currency }
    shipping { address city state country zipCode method cost { amount } status trackingNumber }
    items { id product { id } productName sku quantity price { amount } total { amount } }
    payment { method amount { amount currency } refunded { amount } status transactionId paidAt }
    history { seq status at actor note }
  }
}"""
ORDERS = """
query Orders($first: Int, $after: String, $filter: OrderFilter) {
  orders(first: $first, after: $after, filter: $filter) {
    nodes { id status user { id } } edges { cursor } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
ENTITIES = (
    "query E($of: [_Any!]!) { _entities(representations: $of) { __typename ... on Order { id status } } }"
)
_SHIPPING = ("address", "city", "state", "country", "zipCode", "method")


@pytest.fixture
async def stock_down(shared_api: OrdersApi) -> AsyncIterator[None]:
    shared_api.servicer.down = True
    yield
    shared_api.servicer.down = False


async def test_an_order_is_placed_paid_and_read_back_whole(api: OrdersApi):
    lamp = api.stock.add(minor=1999)
    shipping = {"address": "Bahnhofstrasse 1", "city": "Zürich", "zipCode": "8001", "method": "post"}
    created = await api.create((lamp.id, 2), (lamp.id, 1), input={"shipping": shipping})
    assert created["__typename"] == "CreateOrderSuccess"
    assert created["order"]["status"] == "AWAITING_PAYMENT"
    paid = await api.pay(created["order"]["id"], input={"method": "twint"})
    assert (paid["__typename"], paid["order"]["status"]) == ("PayOrderSuccess", "PAID")
    order = (await api.run(ORDER, api.as_ann, id=created["order"]["id"]))["order"]

    price, total = {"amount": "19.99"}, {"amount": "59.97", "currency": "USD"}
    [item] = order.pop("items")
    assert item.pop("id")
    assert item == {
        "product": {"id": lamp.id},
        "productName": "Lamp",
        "sku": "LAMP-1",
        "quantity": 3,
        "price": price,
        "total": {"amount": "59.97"},
    }
    payment = order.pop("payment")
    assert datetime.fromisoformat(payment.pop("paidAt")).tzinfo == UTC
    assert payment.pop("transactionId").startswith("sbx_ch_")
    assert payment == {
        "method": "twint",
        "amount": total,
        "refunded": {"amount": "0.00"},
        "status": "CAPTURED",
    }
    history = order.pop("history")
    assert [(e["seq"], e["status"], e["actor"]) for e in history] == [
        (1, "PENDING_STOCK", api.ann),
        (2, "AWAITING_PAYMENT", None),
        (3, "PAYING", api.ann),
        (4, "PAID", None),
    ]
    assert re.fullmatch(r"ORD-\d{8}-[0-9A-Z]{8}", order.pop("number"))
    assert order == {
        "id": created["order"]["id"],
        "status": "PAID",
        "version": 4,
        "user": {"id": api.ann},
        "subtotal": total,
        "total": total,
        "shipping": {
            "state": None,
            "country": None,
            **shipping,
            "cost": {"amount": "0.00"},
            "status": "pending",
            "trackingNumber": None,
        },
    }


async def test_each_refusal_of_create_order_is_a_member_of_its_union(api: OrdersApi, shared_api: OrdersApi):
    lamp, ghost = api.stock.add(available=1), new_id()
    short = await api.create((lamp.id, 2))
    assert short == {
        "__typename": "InsufficientStockError",
        "code": "INSUFFICIENT_STOCK",
        "message": "Only 1 of 2 units are available.",
        "product": {"id": lamp.id},
        "requested": 2,
        "available": 1,
    }
    unknown = await api.create((ghost, 1))
    assert unknown == {
        "__typename": "NotFoundError",
        "code": "NOT_FOUND",
        "message": f"There is no product {ghost}.",
    }
    invalid = await api.create((lamp.id, 0))
    assert (invalid["__typename"], invalid["field"]) == ("ValidationError", "items.0.quantity")
    assert (await api.create((lamp.id, 1), key="k"))["__typename"] == "CreateOrderSuccess"
    other = await api.create((shared_api.stock.add().id, 1), key="k")
    assert (other["__typename"], other["code"]) == ("ConflictError", "CONFLICT")
    anonymous = (await api.run(CREATE, input={"items": [{"productId": lamp.id, "quantity": 1}]}))[
        "createOrder"
    ]
    assert (anonymous["__typename"], anonymous["code"]) == ("AuthenticationError", "UNAUTHENTICATED")


async def test_each_refusal_of_pay_order_is_a_member_of_its_union(api: OrdersApi):
    order = await api.placed()
    declined = await api.pay(order, input={"token": "tok_declined"})
    assert (declined["__typename"], declined["code"], declined["reason"]) == (
        "PaymentDeclinedError",
        "PAYMENT_DECLINED",
        "card_declined",
    )
    assert (await api.pay(order, input={"token": ""}))["field"] == "token"
    assert (await api.pay(order, key="k"))["order"]["status"] == "PAID"
    assert (await api.pay(order, key="k"))["order"]["status"] == "PAID"
    assert (await api.pay(order, input={"method": "cash"}, key="k"))["__typename"] == "ConflictError"
    again = await api.pay(order)
    assert again == {
        "__typename": "IllegalTransitionError",
        "code": "ILLEGAL_TRANSITION",
        "message": "An order that is PAID cannot take the action “pay”.",
        "from": "PAID",
        "action": "pay",
    }
    for foreign in (order, new_id(), "", "1", "\0", "x" * 64):
        answer = await api.pay(foreign, token=api.as_bob)
        assert answer == {
            "__typename": "NotFoundError",
            "code": "NOT_FOUND",
            "message": "There is no such order.",
        }
    data = await api.run(PAY, id=order, input={})
    assert data["payOrder"]["__typename"] == "AuthenticationError"


async def test_each_refusal_of_cancel_order_is_a_member_of_its_union(api: OrdersApi):
    order = await api.placed()
    assert (await api.cancel(order, token=api.as_bob))["__typename"] == "NotFoundError"
    assert (await api.cancel(order, reason="x" * 201))["field"] == "reason"
    assert (await api.cancel(order, reason="\0"))["field"] == "reason"
    await api.pay(order)
    cancelled = await api.cancel(order)
    assert cancelled["order"] == {
        "id": order,
        "status": "CANCELLED",
        "payment": {"status": "REFUNDED", "refunded": {"amount": "9.99"}},
    }
    again = await api.cancel(order)
    assert (again["__typename"], again["from"], again["action"]) == (
        "IllegalTransitionError",
        "CANCELLED",
        "cancel",
    )
    assert (await api.run(CANCEL, id=order))["cancelOrder"]["__typename"] == "AuthenticationError"


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([], "items"),
        ([(new_id, 1)] * 101, "items"),
        ([(new_id, -1)], "items.0.quantity"),
        ([(new_id, 1), (new_id, 0)], "items.1.quantity"),
        ([(new_id, 1001)], "items.0.quantity"),
        ([(new_id, 2**31 - 1)], "items.0.quantity"),
    ],
)
async def test_items_that_do_not_fit_are_refused_by_name(api: OrdersApi, items: list[Any], field: str):
    refused = await api.create(*((make(), quantity) for make, quantity in items))
    assert (refused["__typename"], refused["field"]) == ("ValidationError", field)
    assert (await api.run(ORDERS, api.as_ann))["orders"]["totalCount"] == 0


@pytest.mark.parametrize("product", ["", "lamp", "\0", "x" * 64, "0199F6C2-7D1E-7A40-9C55-2F1F0B8A4C10"])
async def test_a_product_id_that_is_none_is_not_found_and_nothing_is_written(api: OrdersApi, product: str):
    assert (await api.create((product, 1)))["__typename"] == "NotFoundError"
    assert (await api.run(ORDERS, api.as_ann))["orders"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"input": {"shipping": {"zipCode": "x" * 201}}}, "shipping.zipCode"),
        ({"input": {"shipping": {"city": "\0"}}}, "shipping.city"),
        ({"key": ""}, "idempotencyKey"),
        ({"key": "k" * 256}, "idempotencyKey"),
    ],
)
async def test_texts_that_do_not_fit_are_refused_by_name(api: OrdersApi, more: dict[str, Any], field: str):
    refused = await api.create((api.stock.add().id, 1), **more)
    assert (refused["__typename"], refused["field"]) == ("ValidationError", field)
    assert (await api.run(ORDERS, api.as_ann))["orders"]["totalCount"] == 0


_LINE = {"productId": "p", "quantity": 1}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (CREATE, {"input": {"items": [_LINE] * 201}}),
        (CREATE, {"input": {"items": [{**_LINE, "productId": "p" * 65}]}}),
        (CREATE, {"input": {"items": [_LINE]}, "key": "k" * 511}),
        *((CREATE, {"input": {"items": [_LINE], "shipping": {part: "x" * 401}}}) for part in _SHIPPING),
        (PAY, {"id": "i" * 65, "input": {}}),
        (PAY, {"id": "i", "input": {"method": "m" * 401}}),
        (PAY, {"id": "i", "input": {"token": "t" * 401}}),
        (PAY, {"id": "i", "input": {}, "key": "k" * 511}),
        (CANCEL, {"id": "i", "reason": "r" * 401}),
        (CANCEL, {"id": "i" * 65}),
        (ORDER, {"id": "i" * 65}),
        (ORDERS, {"after": "a" * 201}),
        (ORDERS, {"filter": {"userId": "u" * 65}}),
        (ORDERS, {"filter": {"status": ["PAID"] * 25}}),
    ],
)
async def test_what_is_far_too_long_is_refused_before_anything_looks_at_it(
    api: OrdersApi, query: str, variables: dict[str, Any]
):
    assert await api.code(query, None, **variables) == "BAD_USER_INPUT"


def test_every_string_and_list_of_the_schema_has_a_bound():
    assert undeclared(schema._schema) == []


@pytest.mark.parametrize(
    "variables",
    [
        {"input": {"items": [{"productId": "p", "quantity": 2**31}]}},
        {"input": {"items": [{"productId": "p", "quantity": 1.5}]}},
        {"input": {"items": [{"productId": "p", "quantity": "1"}]}},
        {"input": {"items": [{"productId": None, "quantity": 1}]}},
        {"input": {"items": [{"productId": "p"}]}},
        {"input": {"items": None}},
        {"input": {"items": [], "colour": "red"}},
        {"input": None},
        {},
    ],
)
async def test_variables_of_a_wrong_type_are_bad_input(api: OrdersApi, variables: dict[str, Any]):
    assert await api.code(CREATE, api.as_ann, **variables) == "BAD_USER_INPUT"


@pytest.mark.parametrize("order_id", ["", "1", "\0", "%00", "x" * 64, "../orders"])
async def test_an_order_id_that_is_none_finds_nothing(api: OrdersApi, order_id: str):
    assert await api.run(ORDER, api.as_staff, id=order_id) == {"order": None}


async def test_a_foreign_order_is_null_and_staff_see_it(api: OrdersApi):
    order = await api.placed()
    for token, seen in (
        (api.as_ann, {"id": order}),
        (api.as_staff, {"id": order}),
        (api.as_bob, None),
        (None, None),
    ):
        data = await api.run("query($id: ID!) { order(id: $id) { id } }", token, id=order)
        assert data["order"] == seen


async def test_orders_are_ones_own_and_page_without_gap_or_duplicate(api: OrdersApi):
    placed = [await api.placed() for _ in range(5)]
    await api.placed(token=api.as_bob)
    seen: list[str] = []
    after = None
    while True:
        page = (await api.run(ORDERS, api.as_ann, first=2, after=after))["orders"]
        seen += [node["id"] for node in page["nodes"]]
        assert page["totalCount"] == 5
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert [page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]] == [
            page["edges"][0]["cursor"],
            page["edges"][-1]["cursor"],
        ]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == placed[::-1]
    empty = (await api.run(ORDERS, api.as_ann, after=after))["orders"]
    assert (empty["nodes"], empty["pageInfo"]["endCursor"]) == ([], None)


async def test_orders_are_filtered_by_status_time_and_user(api: OrdersApi):
    unpaid, paid = await api.placed(), await api.placed()
    await api.pay(paid)

    async def found(token: str, **criteria: Any) -> list[str]:
        data = await api.run(ORDERS, token, filter=criteria)
        assert data["orders"]["totalCount"] == len(data["orders"]["nodes"])
        return [node["id"] for node in data["orders"]["nodes"]]

    now = datetime.now(UTC)
    assert await found(api.as_ann) == [paid, unpaid]
    assert await found(api.as_ann, status=["PAID"]) == [paid]
    assert await found(api.as_ann, status=["PAID", "AWAITING_PAYMENT"]) == [paid, unpaid]
    assert await found(api.as_ann, status=[]) == []
    assert await found(api.as_ann, userId=api.ann) == [paid, unpaid]
    assert await found(api.as_ann, **{"from": (now - timedelta(minutes=5)).isoformat()}) == [paid, unpaid]
    assert await found(api.as_ann, **{"from": (now + timedelta(minutes=5)).isoformat()}) == []
    assert await found(api.as_ann, to=(now - timedelta(minutes=5)).isoformat()) == []
    assert await found(api.as_ann, **{"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}) == [
        paid,
        unpaid,
    ]
    assert await found(api.as_staff, userId=api.ann) == [paid, unpaid]
    assert await found(api.as_staff, userId=api.ann, status=["PAID"]) == [paid]
    for nobody in ("", "\0", new_id()):
        assert await found(api.as_staff, userId=nobody) == []
    assert await api.code(ORDERS, api.as_ann, filter={"userId": api.bob}) == "FORBIDDEN"
    assert await api.code(ORDERS) == "UNAUTHENTICATED"
    assert await api.code(ORDERS, api.as_ann, filter={"status": ["LOST"]}) == "BAD_USER_INPUT"
    assert await api.code(ORDERS, api.as_ann, filter={"from": "yesterday"}) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": 101},
        {"first": -1},
        {"after": ""},
        {"after": "not a cursor"},
        {"after": encode_cursor((1,))},
        {"after": encode_cursor(("\0",))},
        {"after": encode_cursor(("a", "b"))},
        {"after": "x" * 200},
    ],
)
async def test_a_bad_page_is_refused_in_both_lists(api: OrdersApi, variables: dict[str, Any]):
    assert await api.code(ORDERS, api.as_ann, **variables) == "VALIDATION_FAILED"
    of_user = """query($of: [_Any!]!, $first: Int, $after: String) {
      _entities(representations: $of) { ... on User { orders(first: $first, after: $after) { totalCount } } } }"""
    of = [{"__typename": "User", "id": api.ann}]
    assert await api.code(of_user, api.as_ann, of=of, **variables) == "VALIDATION_FAILED"


_USER_ORDERS = """
query($of: [_Any!]!, $status: OrderStatus) {
  _entities(representations: $of) {
    ... on User { id orders(first: 2, status: $status) { nodes { id } totalCount pageInfo { hasNextPage } } }
  }
}"""


async def test_a_users_orders_are_for_themselves_and_staff(api: OrdersApi):
    placed = [await api.placed() for _ in range(3)]
    await api.pay(placed[0])
    of = [{"__typename": "User", "id": api.ann}]
    for token in (api.as_ann, api.as_staff):
        [user] = (await api.run(_USER_ORDERS, token, of=of))["_entities"]
        assert user["orders"] == {
            "nodes": [{"id": placed[2]}, {"id": placed[1]}],
            "totalCount": 3,
            "pageInfo": {"hasNextPage": True},
        }
    [user] = (await api.run(_USER_ORDERS, api.as_ann, of=of, status="PAID"))["_entities"]
    assert [node["id"] for node in user["orders"]["nodes"]] == [placed[0]]
    assert await api.code(_USER_ORDERS, api.as_bob, of=of) == "FORBIDDEN"
    assert await api.code(_USER_ORDERS, None, of=of) == "UNAUTHENTICATED"


async def test_units_sold_are_those_of_paid_orders(api: OrdersApi):
    lamp = api.stock.add(available=10)
    query = "query($of: [_Any!]!) { _entities(representations: $of) { ... on Product { unitsSold } } }"
    of = [{"__typename": "Product", "id": i} for i in (lamp.id, new_id(), "\0", lamp.id)]
    sold = [await api.create((lamp.id, n)) for n in (2, 3)]
    assert (await api.run(query, of=of))["_entities"] == [{"unitsSold": 0}] * 4
    for created in sold:
        await api.pay(created["order"]["id"])
    found = (await api.run(query, of=of))["_entities"]
    assert [product["unitsSold"] for product in found] == [5, 0, 0, 5]


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The batches that the service reads, in order."""
    batches: list[str] = []
    for name in (
        "items_of",
        "events_of",
        "payments_of",
        "visible",
        "units_sold",
        "user_pages",
        "user_counts",
    ):
        batch = getattr(Orders, name)

        def counted(self: Orders, *args: Any, name: str = name, batch: Any = batch) -> Any:
            batches.append(name)
            return batch(self, *args)

        monkeypatch.setattr(Orders, name, counted)
    return batches


async def test_fifty_orders_are_one_query_and_strangers_see_none(api: OrdersApi, queries: list[str]):
    lamp = api.stock.add(available=100)
    ids = [(await api.create((lamp.id, 1)))["order"]["id"] for _ in range(50)]
    of = [{"__typename": "Order", "id": i} for i in [*ids, new_id(), "\0"]]
    queries.clear()
    found = (await api.run(ENTITIES, api.as_ann, of=of))["_entities"]
    assert [o and o["id"] for o in found] == [*ids, None, None]
    assert queries == ["visible"]
    assert (await api.run(ENTITIES, api.as_bob, of=of))["_entities"] == [None] * 52


async def test_a_page_of_orders_with_everything_below_is_one_query_for_each_kind(
    api: OrdersApi, queries: list[str]
):
    for _ in range(4):
        await api.placed()
    queries.clear()
    data = await api.run(
        "{ orders { nodes { items { productName product { unitsSold } } payment { status } history { seq } } } }",
        api.as_ann,
    )
    assert [len(node["items"]) for node in data["orders"]["nodes"]] == [1] * 4
    assert sorted(queries) == ["events_of", "items_of", "payments_of", "units_sold"]


async def test_the_orders_of_many_users_are_one_query_for_pages_and_one_for_counts(
    api: OrdersApi, queries: list[str]
):
    mine, theirs = await api.placed(), await api.placed(token=api.as_bob)
    users = [api.ann, api.bob, *(new_id() for _ in range(98))]
    of = [{"__typename": "User", "id": i} for i in users]
    queries.clear()
    query = """query($of: [_Any!]!) { _entities(representations: $of) {
      ... on User { orders(first: 5) { nodes { id } totalCount } } } }"""
    found = (await api.run(query, api.as_staff, of=of))["_entities"]
    assert [u["orders"]["totalCount"] for u in found] == [1, 1, *[0] * 98]
    assert [[n["id"] for n in u["orders"]["nodes"]] for u in found] == [[mine], [theirs], *[[]] * 98]
    assert queries == ["user_pages", "user_counts"]


async def test_each_filter_of_users_orders_is_a_query_of_its_own(api: OrdersApi, queries: list[str]):
    order = await api.placed()
    await api.pay(order)
    of = [{"__typename": "User", "id": i} for i in (api.ann, api.bob)]
    queries.clear()
    query = """query($of: [_Any!]!) { _entities(representations: $of) { ... on User {
      paid: orders(first: 5, status: PAID) { nodes { id } totalCount }
      expired: orders(first: 5, status: EXPIRED) { nodes { id } totalCount } } } }"""
    found = (await api.run(query, api.as_staff, of=of))["_entities"]
    assert [u["paid"]["totalCount"] for u in found] == [1, 0]
    assert [u["expired"]["totalCount"] for u in found] == [0, 0]
    assert [n["id"] for n in found[0]["paid"]["nodes"]] == [order]
    assert queries == ["user_pages", "user_counts"]


async def test_an_unknown_entity_fails_alone(api: OrdersApi):
    order = await api.placed()
    of = [{"__typename": "Order", "id": order}, {"__typename": "Planet", "id": "1"}]
    body = (await api.post(ENTITIES, api.as_ann, of=of)).json()
    assert body["data"]["_entities"] == [
        {"__typename": "Order", "id": order, "status": "AWAITING_PAYMENT"},
        None,
    ]
    assert [e["extensions"]["code"] for e in body["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("representation", [{}, {"id": None}, {"id": 5}, {"id": ["x"]}, {"id": {"x": 1}}])
@pytest.mark.parametrize("typename", ["Order", "User", "Product"])
async def test_a_representation_without_a_key_is_bad_input(
    api: OrdersApi, typename: str, representation: dict[str, Any]
):
    of = [{"__typename": typename, **representation}]
    query = "query($of: [_Any!]!) { _entities(representations: $of) { __typename } }"
    assert await api.code(query, api.as_staff, of=of) == "BAD_USER_INPUT"


@pytest.mark.usefixtures("stock_down")
async def test_without_the_stock_service_orders_are_taken_and_payments_wait(shared_api: OrdersApi):
    api = shared_api.with_new_customers()
    lamp = api.stock.add()
    api.servicer.down = False
    order = (await api.create((lamp.id, 1)))["order"]["id"]
    api.servicer.down = True
    waiting = await api.create((lamp.id, 1))
    assert waiting["order"]["status"] == "PENDING_STOCK"
    assert (await api.pay(order, key="k"))["order"]["status"] == "PAYING"
    api.servicer.down = False
    assert (await api.pay(order, key="k"))["order"]["status"] == "PAID"


async def test_a_token_that_cannot_be_verified_is_refused_before_anything_is_read(api: OrdersApi):
    for token in ("nonsense", api.signer.token(api.ann, lives=-60), api.as_ann[:-4] + "AAAA"):
        response = await api.post("{ orders { totalCount } }", token)
        assert response.status_code == 401
        [error] = response.json()["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]


async def test_events_leave_for_the_stream(api: OrdersApi, api_settings: Any):
    order = await api.placed()
    postgres = Postgres(DatabaseSettings(url=api_settings.database.url), application="tests")

    async def published() -> bool:
        async with postgres.read() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT published_at FROM outbox WHERE key = $1", (order,)
            )
            found = [row.published_at for row in rows]
        return len(found) == 4 and None not in found

    await eventually(published)
    await postgres.close()

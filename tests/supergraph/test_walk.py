"""The documented walk, through the edge: once as REST, once as GraphQL."""

from typing import Any

import httpx

from tests.supergraph.conftest import PASSWORD, Account, order_with_stock, request, session


async def test_rest_walk(http: httpx.AsyncClient, admin: Account) -> None:
    login = await http.post("/api/v1/users/login", json={"email": admin.email, "password": PASSWORD})
    assert login.status_code == 200
    assert {"token", "refresh_token", "expires_at", "user"} <= login.json().keys()
    headers = {"authorization": f"Bearer {login.json()['token']}"}

    body = {"name": "Walking boots", "price": 99.99, "stock": 10, "category": "Outdoor footwear"}
    created = await http.post("/api/v1/products", json=body, headers=headers)
    assert created.status_code == 201
    product = created.json()
    assert product["price"] == 99.99
    assert product["category"] == "Outdoor footwear"
    assert product["sku"]

    items = {"items": [{"product_id": product["id"], "quantity": 2}]}
    placed = await http.post("/api/v1/orders", json=items, headers=headers)
    order = await order_with_stock(http, admin, placed)
    assert order["status"] == "awaiting_payment"
    assert order["total"] == 199.98
    assert order["items"][0]["product_name"] == "Walking boots"

    assert (await http.get(f"/api/v1/products/{product['id']}")).json()["stock"] == 8

    paid = await http.post(f"/api/v1/orders/{order['id']}/pay", headers=headers)
    assert paid.status_code == 200
    assert paid.json()["status"] == "paid"

    read = await http.get(f"/api/v1/orders/{order['id']}", headers=headers)
    assert read.status_code == 200
    assert read.json()["status"] == "paid"
    assert read.json()["payment"]["amount"] == 199.98
    assert (await http.get(f"/api/v1/products/{product['id']}")).json()["stock"] == 8

    mine = await http.get(f"/api/v1/orders/user/{admin.id}", headers=headers)
    assert order["id"] in [o["id"] for o in mine.json()["orders"]]


async def test_other_documented_spellings_of_the_account_endpoints(
    http: httpx.AsyncClient, customer: Account
) -> None:
    twin = {"username": f"{customer.username}x", "email": f"x{customer.email}", "password": PASSWORD}
    assert (await http.post("/api/v1/users", json=twin)).status_code == 201

    profile = await http.get("/api/v1/users/profile", headers=customer.headers)
    assert profile.json()["email"] == customer.email
    change = {"first_name": "Ada", "last_name": "Lovelace"}
    changed = await http.put("/api/v1/users/profile", json=change, headers=customer.headers)
    assert (changed.status_code, changed.json()["first_name"]) == (200, "Ada")

    refreshed = await http.post("/api/v1/users/refresh", json={"refresh_token": customer.refresh_token})
    assert refreshed.status_code == 200
    newer = {"authorization": f"Bearer {refreshed.json()['token']}"}
    assert (await http.delete("/api/v1/users/logout", headers=newer)).status_code == 204
    again = await http.post(
        "/api/v1/users/refresh", json={"refresh_token": refreshed.json()["refresh_token"]}
    )
    assert (again.status_code, again.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


CREATE = """
  mutation Create($input: CreateProductInput!) {
    createProduct(input: $input) {
      ... on CreateProductSuccess { product { id sku price { amount currency } category { name slug } } }
      ... on Error { code }
    }
  }
"""
ORDER = """
  mutation Order($input: CreateOrderInput!, $key: String) {
    createOrder(input: $input, idempotencyKey: $key) {
      ... on CreateOrderSuccess { order { id status total { amount } } }
      ... on InsufficientStockError { code requested available product { name } }
      ... on Error { code }
    }
  }
"""
PAY = """
  mutation Pay($id: ID!, $input: PayOrderInput!) {
    payOrder(id: $id, input: $input) {
      ... on PayOrderSuccess { order { status payment { status transactionId amount { amount } } history { seq status } } }
      ... on PaymentDeclinedError { code reason }
      ... on IllegalTransitionError { code from action }
      ... on Error { code }
    }
  }
"""
CANCEL = """
  mutation Cancel($id: ID!) {
    cancelOrder(id: $id) {
      ... on CancelOrderSuccess { order { status payment { status refunded { amount } } } }
      ... on Error { code }
    }
  }
"""


async def _create(edge: str, admin: Account, **fields: Any) -> dict[str, Any]:
    async with session(edge, admin) as opened:
        product = {"name": "Lamp", "price": "24.50", "stock": 5, "category": "Lighting", **fields}
        answer = await opened.execute(request(CREATE, {"input": product}))
    found: dict[str, Any] = answer["createProduct"]["product"]
    return found


async def test_graphql_walk(edge: str, admin: Account, customer: Account) -> None:
    product = await _create(edge, admin)
    assert product["price"] == {"amount": "24.50", "currency": "USD"}
    async with session(edge, customer) as opened:
        order_input = {"items": [{"productId": product["id"], "quantity": 2}]}
        placed = (await opened.execute(request(ORDER, {"input": order_input, "key": "walk"})))["createOrder"][
            "order"
        ]
        assert (placed["status"], placed["total"]["amount"]) == ("AWAITING_PAYMENT", "49.00")

        again = await opened.execute(request(ORDER, {"input": order_input, "key": "walk"}))
        assert again["createOrder"]["order"]["id"] == placed["id"]

        declined = await opened.execute(
            request(PAY, {"id": placed["id"], "input": {"token": "tok_declined"}})
        )
        assert declined["payOrder"] == {"code": "PAYMENT_DECLINED", "reason": "card_declined"}

        paid = await opened.execute(request(PAY, {"id": placed["id"], "input": {}}))
        order = paid["payOrder"]["order"]
        assert order["payment"]["status"] == "CAPTURED"
        assert [e["status"] for e in order["history"]] == [
            "PENDING_STOCK",
            "AWAITING_PAYMENT",
            "PAYING",
            "AWAITING_PAYMENT",
            "PAYING",
            "PAID",
        ]
        assert [e["seq"] for e in order["history"]] == [1, 2, 3, 4, 5, 6]

        twice = await opened.execute(request(PAY, {"id": placed["id"], "input": {}}))
        assert twice["payOrder"] == {"code": "ILLEGAL_TRANSITION", "from": "PAID", "action": "pay"}

        cancelled = (await opened.execute(request(CANCEL, {"id": placed["id"]})))["cancelOrder"]["order"]
        assert cancelled == {
            "status": "CANCELLED",
            "payment": {"status": "REFUNDED", "refunded": {"amount": "49.00"}},
        }
    assert await _stock(edge, product["id"]) == 5


STAFF = """
  mutation Staff($id: ID!, $status: OrderStatus!, $tracking: String) {
    setOrderStatus(id: $id, status: $status, trackingNumber: $tracking) {
      ... on SetOrderStatusSuccess { order { status shipping { city trackingNumber } } }
      ... on Error { code }
    }
  }
"""
REFUND = """
  mutation Refund($id: ID!, $amount: Decimal) {
    refundOrder(id: $id, amount: $amount, idempotencyKey: "refund") {
      ... on RefundOrderSuccess { order { status payment { status refunded { amount } } } }
      ... on Error { code }
    }
  }
"""


async def test_an_order_is_sent_by_staff_and_refunded_in_part(
    edge: str, http: httpx.AsyncClient, admin: Account, customer: Account
) -> None:
    product = await _create(edge, admin)
    items = {"items": [{"product_id": product["id"], "quantity": 1}], "shipping": {"city": "Basel"}}
    placed = await http.post("/api/v1/orders", json=items, headers=customer.headers)
    order = (await order_with_stock(http, customer, placed))["id"]
    moved = await http.put(
        f"/api/v1/orders/{order}", json={"shipping": {"city": "Bern"}}, headers=customer.headers
    )
    assert (moved.status_code, moved.json()["shipping"]["city"]) == (200, "Bern")
    assert (await http.post(f"/api/v1/orders/{order}/pay", headers=customer.headers)).status_code == 200
    async with session(edge, customer) as opened:
        for mutation, name in ((STAFF, "setOrderStatus"), (REFUND, "refundOrder")):
            variables = {"id": order, **({"status": "PROCESSING"} if mutation is STAFF else {})}
            assert (await opened.execute(request(mutation, variables)))[name] == {"code": "FORBIDDEN"}
    async with session(edge, admin) as opened:
        await opened.execute(request(STAFF, {"id": order, "status": "PROCESSING"}))
        shipped = await opened.execute(request(STAFF, {"id": order, "status": "SHIPPED", "tracking": "T1"}))
        assert shipped["setOrderStatus"]["order"] == {
            "status": "SHIPPED",
            "shipping": {"city": "Bern", "trackingNumber": "T1"},
        }
        for _ in range(2):
            refunded = await opened.execute(request(REFUND, {"id": order, "amount": "4.50"}))
            assert refunded["refundOrder"]["order"] == {
                "status": "SHIPPED",
                "payment": {"status": "PARTIALLY_REFUNDED", "refunded": {"amount": "4.50"}},
            }


async def test_order_beyond_the_stock_is_refused_and_takes_nothing(
    edge: str, admin: Account, customer: Account
) -> None:
    product = await _create(edge, admin, stock=3)
    async with session(edge, customer) as opened:
        order_input = {"items": [{"productId": product["id"], "quantity": 4}]}
        answer = await opened.execute(request(ORDER, {"input": order_input}))
    assert answer["createOrder"] == {
        "code": "INSUFFICIENT_STOCK",
        "requested": 4,
        "available": 3,
        "product": {"name": "Lamp"},
    }
    assert await _stock(edge, product["id"]) == 3


async def test_key_of_another_request_is_a_conflict(edge: str, admin: Account, customer: Account) -> None:
    product = await _create(edge, admin)
    async with session(edge, customer) as opened:
        for quantity, expected in ((1, "CreateOrderSuccess"), (2, "CONFLICT")):
            order_input = {"items": [{"productId": product["id"], "quantity": quantity}]}
            answer = (await opened.execute(request(ORDER, {"input": order_input, "key": "k"})))["createOrder"]
            assert answer.get("code", "CreateOrderSuccess") == expected
    assert await _stock(edge, product["id"]) == 4


async def _stock(edge: str, product_id: str) -> int:
    async with session(edge) as opened:
        query = "query Stock($id: ID!) { product(id: $id) { stock } }"
        answer = await opened.execute(request(query, {"id": product_id}))
    return int(answer["product"]["stock"])

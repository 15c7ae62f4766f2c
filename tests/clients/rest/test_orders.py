"""Orders over REST."""

from typing import Any

import httpx
import pytest

from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter, failing, problem

ITEMS = [{"product_id": "p1", "quantity": 2}]


async def test_an_order_is_placed_with_its_idempotency_key(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["createOrder"] = {"__typename": "CreateOrderSuccess", "order": sample_objects.order()}
    response = await client.post("/api/v1/orders", json={"items": ITEMS}, headers={"idempotency-key": "k-1"})
    assert response.status_code == 201
    assert response.headers["location"] == "/api/v1/orders/o1"
    answer = response.json()
    assert (answer["id"], answer["status"], answer["user_id"]) == ("o1", "awaiting_payment", "u1")
    assert router.sent[0].variables == {
        "input": {"items": [{"productId": "p1", "quantity": 2}]},
        "idempotencyKey": "k-1",
    }


async def test_an_order_whose_stock_is_not_decided_is_202_with_where_and_when_to_look(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    pending = sample_objects.order(status="PENDING_STOCK", version=1)
    router.roots |= {
        "createOrder": {"__typename": "CreateOrderSuccess", "order": pending},
        "order": sample_objects.order(),
        "orderState": _state(),
    }
    response = await client.post("/api/v1/orders", json={"items": ITEMS})
    assert (response.status_code, response.json()["status"]) == (202, "pending_stock")
    assert response.headers["location"] == "/api/v1/orders/o1"
    assert response.headers["retry-after"] == "1"
    tag = {"if-none-match": response.headers["etag"]}
    later = await client.get(response.headers["location"], headers=tag)
    assert (later.status_code, later.json()["status"]) == (200, "awaiting_payment")


async def test_an_order_of_which_nobody_knows_can_be_sent_again_under_the_key_that_the_answer_names(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["createOrder"] = failing("TIMEOUT_ERROR")
    for given in ({}, {"idempotency-key": "k-1"}):
        response = await client.post("/api/v1/orders", json={"items": ITEMS}, headers=given)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert response.headers["retry-after"] == "2"
        sent = router.sent.pop().variables["idempotencyKey"]
        assert response.headers["idempotency-key"] == sent
        assert sent == given.get("idempotency-key", sent)
    first, second = [
        (await client.post("/api/v1/orders", json={"items": ITEMS})).headers["idempotency-key"]
        for _ in range(2)
    ]
    assert first != second


async def test_insufficient_stock_is_409(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["createOrder"] = problem("InsufficientStockError", "INSUFFICIENT_STOCK")
    response = await client.post("/api/v1/orders", json={"items": ITEMS})
    assert response.status_code == 409
    assert response.json()["error"] == {
        "code": "INSUFFICIENT_STOCK",
        "message": "INSUFFICIENT_STOCK happened.",
    }


@pytest.mark.parametrize("content", [b"", b"{}"])
async def test_an_empty_body_pays_with_the_schemas_defaults(
    client: httpx.AsyncClient, router: StubRouter, content: bytes
) -> None:
    router.roots["payOrder"] = {"__typename": "PayOrderSuccess", "order": sample_objects.order(status="PAID")}
    response = await client.post("/api/v1/orders/o1/pay", content=content)
    assert (response.status_code, response.json()["status"]) == (200, "paid")
    assert router.sent[0].variables == {"id": "o1", "input": {}}


async def test_a_declined_payment_is_402(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["payOrder"] = problem("PaymentDeclinedError", "PAYMENT_DECLINED")
    response = await client.post(
        "/api/v1/orders/o1/pay", json={"token": "tok_declined"}, headers={"idempotency-key": "k-2"}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (402, "PAYMENT_DECLINED")
    assert router.sent[0].variables == {
        "id": "o1",
        "input": {"token": "tok_declined"},
        "idempotencyKey": "k-2",
    }


async def test_an_order_is_read_without_leaving_its_subgraph(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["order"] = sample_objects.order()
    response = await client.get("/api/v1/orders/o1")
    assert (response.status_code, response.json()["items"][0]["product_id"]) == (200, "p1")


def _state(*, version: int = 2, settled: bool = True) -> dict[str, Any]:
    return {"id": "o1", "status": "PAID", "version": version, "settled": settled}


async def test_an_order_that_the_client_has_is_not_sent_again(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots |= {"order": sample_objects.order(), "orderState": _state()}
    first = await client.get("/api/v1/orders/o1")
    tag = first.headers["etag"]
    assert "version" not in first.json()
    assert (first.headers["cache-control"], first.headers["vary"]) == ("no-cache", "Authorization")
    router.sent.clear()
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await client.get("/api/v1/orders/o1", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (again.headers["cache-control"], again.headers["vary"]) == ("no-cache", "Authorization")
    assert [s.operation for s in router.sent] == ["OrderState"] * 3
    router.roots |= {"order": sample_objects.order(version=3), "orderState": _state(version=3)}
    changed = await client.get("/api/v1/orders/o1", headers={"if-none-match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


async def test_an_order_whose_money_moves_is_compared_as_a_whole(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots |= {"order": sample_objects.order(), "orderState": _state(settled=False)}
    tag = (await client.get("/api/v1/orders/o1")).headers["etag"]
    assert (await client.get("/api/v1/orders/o1", headers={"if-none-match": tag})).status_code == 304
    router.roots["order"] = sample_objects.order(total=sample_objects.money("1.00"))
    changed = await client.get("/api/v1/orders/o1", headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["total"]) == (200, 1.0)


async def test_a_tag_of_another_form_or_version_is_not_the_orders(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots |= {"order": sample_objects.order(), "orderState": _state()}
    tag = (await client.get("/api/v1/orders/o1")).headers["etag"]
    version, rest = tag.strip('"').split(".")
    other_form = f"{(int(rest[:4], 16) + 1) % 0x10000:04x}{rest[4:]}"
    for other in (f'"{version}.{other_form}"', f'"{version}1.{rest}"', f'"{version}"', '"2.zz"'):
        answer = await client.get("/api/v1/orders/o1", headers={"if-none-match": other})
        assert (answer.status_code, answer.headers["etag"]) == (200, tag)
    any_tag = await client.get("/api/v1/orders/o1", headers={"if-none-match": "*"})
    assert (any_tag.status_code, any_tag.headers["etag"]) == (304, tag)


async def test_a_tag_opens_no_order_that_one_may_not_see(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots |= {"order": None, "orderState": None}
    answer = await client.get("/api/v1/orders/o1", headers={"if-none-match": '"2.00"'})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_an_order_is_changed_only_as_it_was_read(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["order"] = sample_objects.order(version=2)
    tag = (await client.get("/api/v1/orders/o1")).headers["etag"]
    router.roots["updateOrder"] = {
        "__typename": "UpdateOrderSuccess",
        "order": sample_objects.order(version=3),
    }
    body = {"shipping": {"city": "Bern"}}
    router.sent.clear()
    changed = await client.put("/api/v1/orders/o1", json=body, headers={"if-match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)
    assert [(s.operation, s.variables.get("version")) for s in router.sent] == [
        ("OrderVersion", None),
        ("UpdateOrder", 2),
    ]
    router.roots["order"] = sample_objects.order(version=3)
    router.sent.clear()
    late = await client.put("/api/v1/orders/o1", json=body, headers={"if-match": tag})
    assert (late.status_code, late.json()["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert [s.operation for s in router.sent] == ["OrderVersion"]
    router.roots["order"] = None
    gone = await client.put("/api/v1/orders/o1", json=body, headers={"if-match": tag})
    assert gone.status_code == 404


async def test_an_order_that_one_may_not_see_is_404(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["order"] = None
    response = await client.get("/api/v1/orders/o2")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({}, {}),
        ({"shipping": None}, {"shipping": None}),
        (
            {"shipping": {"city": "Bern", "zip_code": "3000"}},
            {"shipping": {"city": "Bern", "zipCode": "3000"}},
        ),
    ],
)
async def test_an_order_is_sent_elsewhere(
    client: httpx.AsyncClient, router: StubRouter, body: dict[str, Any], sent: dict[str, Any]
) -> None:
    router.roots["updateOrder"] = {"__typename": "UpdateOrderSuccess", "order": sample_objects.order()}
    response = await client.put("/api/v1/orders/o1", json=body)
    assert (response.status_code, response.json()["id"]) == (200, "o1")
    assert router.sent[0].variables == {"id": "o1", "input": sent}


async def test_an_order_that_is_shipped_stays_as_it_is(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["updateOrder"] = problem("IllegalTransitionError", "ILLEGAL_TRANSITION")
    response = await client.put("/api/v1/orders/o1", json={"shipping": {"city": "Bern"}})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")


async def test_a_cancelled_order_is_answered(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["cancelOrder"] = {
        "__typename": "CancelOrderSuccess",
        "order": sample_objects.order(status="CANCELLED"),
    }
    response = await client.delete("/api/v1/orders/o1", params={"reason": "found it cheaper"})
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert router.sent[0].variables == {"id": "o1", "reason": "found it cheaper"}


async def test_cancelling_too_late_is_409(client: httpx.AsyncClient, router: StubRouter) -> None:
    router.roots["cancelOrder"] = problem("IllegalTransitionError", "ILLEGAL_TRANSITION")
    response = await client.delete("/api/v1/orders/o1")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")


async def test_the_orders_of_a_user_come_in_pages(client: httpx.AsyncClient, router: StubRouter) -> None:
    orders = [sample_objects.order(id=f"o{n}") for n in range(1, 6)]

    def resolve(first: int, after: str | None = None, **_: Any) -> dict[str, Any]:
        return sample_objects.connection(orders, after=after, first=first)

    router.roots["orders"] = resolve
    answer = (await client.get("/api/v1/orders/user/u1", params={"page": 2, "limit": 2})).json()
    assert [o["id"] for o in answer.pop("orders")] == ["o3", "o4"]
    assert answer == {"page": 2, "limit": 2, "has_next": True, "next_cursor": "4"}
    assert router.sent[1].variables == {"first": 2, "after": "2", "filter": {"userId": "u1"}}


async def test_partial_data_is_never_a_success(client: httpx.AsyncClient, router: StubRouter) -> None:
    order = sample_objects.order()
    order["shipping"] = lambda _: failing("DOWNSTREAM_SERVICE_ERROR")()
    router.roots["order"] = order
    response = await client.get("/api/v1/orders/o1")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert response.json()["error"]["code"] == "UNAVAILABLE"

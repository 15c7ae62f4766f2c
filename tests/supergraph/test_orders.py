"""Orders through the edge: what one account may hold, and one key sent by many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.supergraph.conftest import Account, request, session

CREATE = """
  mutation Create($input: CreateOrderInput!) {
    createOrder(input: $input) { __typename ... on Error { code message } }
  }
"""


async def test_an_account_at_its_quota_is_refused_until_it_pays_or_cancels(
    edge: str,
    http: httpx.AsyncClient,
    customer: Account,
    new_customer: Callable[[], Awaitable[Account]],
    new_product: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    product = await new_product(stock=100)
    body = {"items": [{"product_id": product["id"], "quantity": 1}]}

    async def place(account: Account) -> httpx.Response:
        return await http.post("/api/v1/orders", json=body, headers=account.headers)

    placed = await asyncio.gather(*(place(customer) for _ in range(24)))
    refused = [answer for answer in placed if answer.status_code == 409]
    accepted = [answer for answer in placed if answer.status_code in {201, 202}]
    assert (len(accepted), len(refused)) == (20, 4)
    message = "The account has 20 orders that are not paid, and may have 20; pay or cancel one of them first."
    assert {(a.json()["error"]["code"], a.json()["error"]["message"]) for a in refused} == {
        ("CONFLICT", message)
    }
    async with session(edge, customer) as opened:
        order = {"items": [{"productId": product["id"], "quantity": 1}]}
        answer = await opened.execute(request(CREATE, {"input": order}))
    assert answer["createOrder"] == {"__typename": "ConflictError", "code": "CONFLICT", "message": message}
    assert (await place(await new_customer())).status_code in {201, 202}
    cancelled = await http.delete(accepted[0].headers["location"], headers=customer.headers)
    assert cancelled.status_code == 200
    assert (await place(customer)).status_code in {201, 202}


async def test_one_key_sent_a_hundred_times_at_once_is_one_order_and_one_answer(
    http: httpx.AsyncClient, customer: Account, new_product: Callable[..., Awaitable[dict[str, Any]]]
) -> None:
    product = await new_product(stock=100)
    body = {"items": [{"product_id": product["id"], "quantity": 3}]}
    headers = {**customer.headers, "idempotency-key": "one-of-a-hundred"}

    async def place() -> httpx.Response:
        while True:
            answer = await http.post("/api/v1/orders", json=body, headers=headers)
            # A crowd may be told to come back; then it does, under the key that it has.
            if answer.status_code not in {429, 503}:
                return answer
            await asyncio.sleep(float(answer.headers["retry-after"]))

    async with asyncio.timeout(120):
        answers = await asyncio.gather(*(place() for _ in range(100)))
    assert {answer.status_code for answer in answers} <= {201, 202}
    [order_id] = {answer.json()["id"] for answer in answers}
    # Those that came before its stock was held show it as it was then; from there on all are the same to the byte.
    [settled] = {answer.content for answer in answers if answer.status_code == 201}
    listed = await http.get(f"/api/v1/orders/user/{customer.id}", headers=customer.headers)
    assert [order["id"] for order in listed.json()["orders"]] == [order_id]
    assert (await http.get(f"/api/v1/orders/{order_id}", headers=customer.headers)).content == settled
    assert (await http.get(f"/api/v1/products/{product['id']}")).json()["stock"] == 97

"""An account that is disabled orders and pays nothing from that moment on, whatever token it holds."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.harness import launcher
from tests.supergraph.conftest import Account

DISABLE = "mutation ($id: ID!) { setUserActive(userId: $id, active: false) { __typename } }"
CREATE = """mutation ($product: ID!) {
  createOrder(input: {items: [{productId: $product, quantity: 1}]}) { __typename }
}"""
PAY = "mutation ($order: ID!) { payOrder(id: $order, input: {}) { __typename } }"


async def _typename(http: httpx.AsyncClient, url: str, account: Account, query: str, **variables: str) -> str:
    """The type of the outcome, or the code of the refusal."""
    body = {"query": query, "variables": variables}
    answer = (
        await http.post(f"{url}/graphql", json=body, headers={**account.headers, **launcher.AS_THE_ROUTER})
    ).json()
    if answer.get("errors"):
        return str(answer["errors"][0]["extensions"]["code"])
    [outcome] = answer["data"].values()
    return str(outcome["__typename"])


async def test_nothing_is_ordered_or_paid_after_the_account_was_disabled(
    supergraph: dict[str, Any],
    http: httpx.AsyncClient,
    admin: Account,
    customer: Account,
    new_product: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    product = (await new_product(stock=5))["id"]
    body = {"items": [{"product_id": product, "quantity": 1}]}
    order = (await http.post("/api/v1/orders", json=body, headers=customer.headers)).json()["id"]

    # The orders service remembers for a second that the session was alive, and believes the token that long.
    orders = supergraph["addresses"]["orders"]
    answer = await http.post(
        "/graphql", json={"query": DISABLE, "variables": {"id": customer.id}}, headers=admin.headers
    )
    assert answer.json()["data"]["setUserActive"]["__typename"] == "SetUserActiveSuccess"
    for query, variables in ((CREATE, {"product": product}), (PAY, {"order": order})):
        seen = await _typename(http, orders, customer, query, **variables)
        assert seen in {"PermissionError", "UNAUTHENTICATED"}

    assert (await http.get(f"/api/v1/products/{product}")).json()["stock"] == 4
    shown = await http.get(f"/api/v1/orders/{order}", headers=admin.headers)
    assert shown.json()["status"] == "awaiting_payment"

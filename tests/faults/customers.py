"""Customers who order while processes are killed: each request is sent again under its key until it is answered."""

import asyncio
import random
import time
from typing import Any

import httpx

from subgraphs.kit.ids import new_id
from tests.faults.histories import Call
from tests.faults.killed_system import KilledSystem

_ORDER = "order { id status version }"
CREATE = f"""mutation ($product: ID!, $quantity: Int!, $key: String) {{
  answer: createOrder(input: {{items: [{{productId: $product, quantity: $quantity}}]}}, idempotencyKey: $key) {{
    ... on CreateOrderSuccess {{ {_ORDER} }} ... on Error {{ code }} }} }}"""
PAY = f"""mutation ($order: ID!, $token: String!, $key: String) {{
  answer: payOrder(id: $order, input: {{token: $token}}, idempotencyKey: $key) {{
    ... on PayOrderSuccess {{ {_ORDER} }} ... on Error {{ code }} }} }}"""
CANCEL = f"""mutation ($order: ID!) {{
  answer: cancelOrder(id: $order) {{ ... on CancelOrderSuccess {{ {_ORDER} }} ... on Error {{ code }} }} }}"""
REFUND = f"""mutation ($order: ID!, $key: String) {{
  answer: refundOrder(id: $order, amount: "0.50", idempotencyKey: $key) {{
    ... on RefundOrderSuccess {{ {_ORDER} }} ... on Error {{ code }} }} }}"""
READ = "query ($order: ID!) { answer: order(id: $order) { id status version } }"
STATE = "query ($order: ID!) { answer: orderState(id: $order) { id status version } }"

_TOKENS = ["tok_ok", "tok_ok", "tok_declined", "tok_timeout_then_captured", "tok_error_once"]
_NOT_DONE = {"UNAVAILABLE", "INTERNAL"}


class Customer:
    """Sends each request to any of the processes. Its chances come from `seed`."""

    def __init__(self, system: KilledSystem, http: httpx.AsyncClient, *, seed: int) -> None:
        self.id = new_id()
        self._system = system
        self._http = http
        self._chance = random.Random(seed)
        self._token = system.signer.token(self.id)

    async def order(self, products: list[str]) -> None:
        """Place an order; then pay it, or cancel it, or both at once, or forget it; look at it now and then."""
        what = {"product": self._chance.choice(products), "quantity": self._chance.randint(1, 3)}
        key = new_id()
        placed = await self._until_answered("createOrder", CREATE, key=key, **what)
        if placed.told is None:
            return
        # As a client would whose answer was lost just now.
        await self._until_answered("createOrder", CREATE, key=key, **what)
        order = placed.told["id"]
        match self._chance.choice(["pay", "pay", "pay and cancel", "cancel", "forget"]):
            case "pay":
                await self._pay(order)
            case "pay and cancel":
                await asyncio.gather(
                    self._pay(order), self._until_answered("cancelOrder", CANCEL, order=order)
                )
            case "cancel":
                await self._until_answered("cancelOrder", CANCEL, order=order)
        for operation, document in (("order", READ), ("orderState", STATE)):
            await self._until_answered(operation, document, order=order)

    async def _pay(self, order: str) -> None:
        token = self._chance.choice(_TOKENS)
        await self._until_answered("payOrder", PAY, key=new_id(), order=order, token=token)
        if self._chance.random() < 0.3:
            staff = self._system.staff
            await self._until_answered("refundOrder", REFUND, key=new_id(), order=order, bearer=staff)
        if self._chance.random() < 0.3:
            await self._until_answered("cancelOrder", CANCEL, order=order)

    async def _until_answered(
        self, operation: str, document: str, *, bearer: str | None = None, key: str = "", **variables: Any
    ) -> Call:
        """The call that was answered, with an order or a refusal. Those that were not are on record as well."""
        while True:
            began = time.monotonic()
            told, error = await self._send(document, bearer or self._token, {**variables, "key": key})
            call = Call(
                client=self.id,
                operation=operation,
                key=key,
                began=began,
                ended=time.monotonic(),
                order_id=variables.get("order"),
                told=told,
                error=error,
            )
            self._system.history.calls.append(call)
            if told is not None or error is not None:
                return call
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))

    async def _send(
        self, document: str, bearer: str, variables: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, str | None]:
        """The order, or the code of a refusal; neither where nobody knows what became of the request."""
        process = self._chance.choice(self._system.orders)
        used = {name: value for name, value in variables.items() if f"${name}:" in document}
        try:
            answer = await self._http.post(
                f"{process.url}/graphql",
                json={"query": document, "variables": used},
                headers={"authorization": f"Bearer {bearer}"},
            )
        except httpx.TransportError:
            return None, None
        body = answer.json()
        if "errors" in body:
            code = body["errors"][0]["extensions"]["code"]
            return None, None if code in _NOT_DONE else code
        if "data" not in body:
            return None, None  # refused before it was read, as a process that is busy does
        found = body["data"]["answer"]
        return found.get("order", found if "id" in found else None), found.get("code")

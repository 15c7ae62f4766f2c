"""The orders service as clients see it: its composition root on real stores, stock and accounts over gRPC, keys over HTTP."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import httpx
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.local.ports import Ports
from schema.proto import inventory_pb2 as pb
from schema.proto import inventory_pb2_grpc as pb_grpc
from schema.proto import user_pb2_grpc
from subgraphs.kit.errors import Unavailable
from subgraphs.kit.grpc.server import start_server
from subgraphs.kit.ids import new_id
from subgraphs.orders.app import open_app
from subgraphs.orders.domain.ids import OrderId, ProductId
from subgraphs.orders.domain.items import OrderLine
from subgraphs.orders.domain.permissions import Permission
from subgraphs.orders.ports.inventory import Gone, Held, HoldState, Shortage, UnknownProducts
from subgraphs.orders.settings import OrdersSettings
from tests.subgraphs.orders.account_service import InMemoryAccounts, UserServicer
from tests.subgraphs.orders.orders_harness import eventually
from tests.subgraphs.orders.stock_service import InMemoryStock

SERVICE_TOKEN = secrets.token_urlsafe(32)


class InventoryServicer(pb_grpc.InventoryServicer):
    """`InMemoryStock` behind the contract."""

    def __init__(self, stock: InMemoryStock) -> None:
        self.stock = stock
        self.down = False

    async def _check(self) -> None:
        if self.down:
            raise Unavailable("down")

    async def Reserve(self, request: pb.ReserveRequest, _: Any) -> pb.ReserveReply:  # noqa: N802
        await self._check()
        lines = [OrderLine(ProductId(x.product_id), x.quantity) for x in request.lines]
        expires_at = request.expires_at.ToDatetime(tzinfo=UTC)
        match await self.stock.reserve(OrderId(request.order_id), lines, expires_at=expires_at):
            case Held(items):
                held = [
                    pb.Item(
                        product_id=i.product_id,
                        name=i.name,
                        sku=i.sku,
                        price_minor=i.price.minor,
                        currency=i.price.currency,
                    )
                    for i in items
                ]
                return pb.ReserveReply(held=pb.Held(items=held, expires_at=request.expires_at))
            case Shortage(product_id=product_id, requested=requested, available=available):
                shortage = pb.Shortage(product_id=product_id, requested=requested, available=available)
                return pb.ReserveReply(shortage=shortage)
            case UnknownProducts(product_ids):
                return pb.ReserveReply(unknown=pb.Unknown(product_ids=product_ids))
            case Gone():
                return pb.ReserveReply(gone=pb.Gone())
        raise AssertionError

    async def Pin(self, request: pb.HoldRequest, _: Any) -> pb.HoldReply:  # noqa: N802
        await self._check()
        return _reply(await self.stock.pin(OrderId(request.order_id)))

    async def Unpin(self, request: pb.UnpinRequest, _: Any) -> pb.HoldReply:  # noqa: N802
        await self._check()
        expires_at = request.expires_at.ToDatetime(tzinfo=UTC)
        return _reply(await self.stock.unpin(OrderId(request.order_id), expires_at=expires_at))

    async def Commit(self, request: pb.HoldRequest, _: Any) -> pb.HoldReply:  # noqa: N802
        await self._check()
        return _reply(await self.stock.commit(OrderId(request.order_id)))

    async def Release(self, request: pb.HoldRequest, _: Any) -> pb.HoldReply:  # noqa: N802
        await self._check()
        return _reply(await self.stock.release(OrderId(request.order_id)))

    async def Restock(self, request: pb.HoldRequest, _: Any) -> pb.HoldReply:  # noqa: N802
        await self._check()
        return _reply(await self.stock.restock(OrderId(request.order_id)))


def _reply(state: HoldState) -> pb.HoldReply:
    return pb.HoldReply(state=pb.HoldState.Value(state.name))


class Signer:
    """The users service's key, as far as a verifier sees it."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def jwks(self) -> dict[str, Any]:
        key = json.loads(OKPAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": "k1", "alg": "EdDSA", "use": "sig"}]}

    def token(self, user_id: str, *permissions: str, lives: float = 900) -> str:
        now = time.time()
        claims = {
            "iss": "supergraph",
            "aud": "supergraph",
            "sub": user_id,
            "role": "STAFF" if permissions else "USER",
            "perms": list(permissions),
            "sid": new_id(),
            "iat": int(now),
            "nbf": int(now),
            "exp": now + lives,
            "jti": new_id(),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": "k1", "typ": "at+jwt"})


class OrdersApi:
    """The GraphQL of one service, for two customers and one of the staff. Other services are in memory."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        signer: Signer,
        servicer: InventoryServicer,
        accounts: UserServicer,
    ) -> None:
        self.http = http
        self.url = url
        self.signer = signer
        self.servicer = servicer
        self.stock = servicer.stock
        self.accounts = accounts
        self.ann, self.bob = new_id(), new_id()
        self.as_ann = signer.token(self.ann)
        self.as_bob = signer.token(self.bob)
        self.as_staff = signer.token(new_id(), Permission.MANAGE_ORDERS)

    def with_new_customers(self) -> "OrdersApi":
        """The same service for customers that nobody has seen yet."""
        return OrdersApi(self.http, self.url, self.signer, self.servicer, self.accounts)

    async def post(self, query: str, token: str | None = None, **variables: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def run(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        body = (await self.post(query, token, **variables)).json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def code(self, query: str, token: str | None = None, **variables: Any) -> str:
        """The code of an answer's only error."""
        body = (await self.post(query, token, **variables)).json()
        [error] = body["errors"]
        code: str = error["extensions"]["code"]
        return code

    async def create(self, *lines: tuple[str, int], token: str | None = None, **more: Any) -> dict[str, Any]:
        items = [{"productId": product, "quantity": quantity} for product, quantity in lines]
        given = {"input": {"items": items, **more.pop("input", {})}, **more}
        created: dict[str, Any] = (await self.run(CREATE, token or self.as_ann, **given))["createOrder"]
        return created

    async def placed(self, *, token: str | None = None) -> str:
        """The id of a fresh order that awaits its payment."""
        created = await self.create((self.stock.add().id, 1), token=token)
        order_id: str = created["order"]["id"]
        return order_id

    async def pay(self, order_id: str, token: str | None = None, **more: Any) -> dict[str, Any]:
        given = {"input": {}, **more, "id": order_id}
        paid: dict[str, Any] = (await self.run(PAY, token or self.as_ann, **given))["payOrder"]
        return paid

    async def cancel(self, order_id: str, token: str | None = None, **more: Any) -> dict[str, Any]:
        data = await self.run(CANCEL, token or self.as_ann, id=order_id, **more)
        cancelled: dict[str, Any] = data["cancelOrder"]
        return cancelled

    async def staff(
        self, mutation: str, order_id: str, token: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """The result of `setOrderStatus`, `refundOrder` or `updateOrder`, for staff where no other is named."""
        data = await self.run(_BY_NAME[mutation], token or self.as_staff, id=order_id, **more)
        found: dict[str, Any] = data[mutation]
        return found


_ERROR = "... on Error { code message } ... on ValidationError { field }"
CREATE = f"""
mutation Create($input: CreateOrderInput!, $key: String) {{
  createOrder(input: $input, idempotencyKey: $key) {{
    __typename
    ... on CreateOrderSuccess {{ order {{ id number status version total {{ amount currency }} }} }}
    ... on InsufficientStockError {{ product {{ id }} requested available }}
    {_ERROR}
  }}
}}"""
PAY = f"""
mutation Pay($id: ID!, $input: PayOrderInput!, $key: String) {{
  payOrder(id: $id, input: $input, idempotencyKey: $key) {{
    __typename
    ... on PayOrderSuccess {{ order {{ id status payment {{ status amount {{ amount }} transactionId }} }} }}
    ... on IllegalTransitionError {{ from action }}
    ... on PaymentDeclinedError {{ reason }}
    {_ERROR}
  }}
}}"""
CANCEL = f"""
mutation Cancel($id: ID!, $reason: String) {{
  cancelOrder(id: $id, reason: $reason) {{
    __typename
    ... on CancelOrderSuccess {{ order {{ id status payment {{ status refunded {{ amount }} }} }} }}
    ... on IllegalTransitionError {{ from action }}
    {_ERROR}
  }}
}}"""


def _changing(mutation: str, success: str, arguments: dict[str, str]) -> str:
    declared = "".join(f", ${name}: {type_}" for name, type_ in arguments.items())
    passed = "".join(f", {name}: ${name}" for name in arguments)
    return f"""
mutation Change($id: ID!{declared}) {{
  {mutation}(id: $id{passed}) {{
    __typename
    ... on {success} {{ order {{
      id status version total {{ amount }} shipping {{ city method cost {{ amount }} status trackingNumber }}
      payment {{ status refunded {{ amount }} }}
    }} }}
    ... on IllegalTransitionError {{ from action }}
    {_ERROR}
  }}
}}"""


_BY_NAME = {
    "setOrderStatus": _changing(
        "setOrderStatus",
        "SetOrderStatusSuccess",
        {"status": "OrderStatus!", "trackingNumber": "String", "note": "String"},
    ),
    "refundOrder": _changing(
        "refundOrder",
        "RefundOrderSuccess",
        {"amount": "Decimal", "reason": "String", "idempotencyKey": "String"},
    ),
    "updateOrder": _changing(
        "updateOrder", "UpdateOrderSuccess", {"input": "UpdateOrderInput!", "version": "Int"}
    ),
}


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_orders_api(settings: OrdersSettings) -> AsyncIterator[OrdersApi]:
    """The service on the stores of `settings`, listening, with what it needs around it."""
    ports = Ports()
    keys_port, stock_port, port = ports.free(), ports.free(), ports.free()
    signer, servicer = Signer(), InventoryServicer(InMemoryStock(now))
    accounts = UserServicer(InMemoryAccounts())
    services = {
        "users": f"http://127.0.0.1:{keys_port}",
        "products_grpc": f"127.0.0.1:{stock_port}",
        "users_grpc": f"127.0.0.1:{stock_port}",
        "token": SERVICE_TOKEN,
    }
    settings = settings.model_copy(update={"services": settings.services.model_validate({**services})})
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listening(key_server(signer), keys_port))
        server = await start_server(
            address=f"127.0.0.1:{stock_port}",
            token=SERVICE_TOKEN,
            services=["inventory.Inventory", "user.UserService"],
            register=lambda s: _register(s, servicer, accounts),
        )
        stack.push_async_callback(_stop, server)
        app = await stack.enter_async_context(open_app(settings))
        await stack.enter_async_context(listening(app, port))
        url = f"http://127.0.0.1:{port}"
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=url)
        )
        yield OrdersApi(http, url, signer, servicer, accounts)


@asynccontextmanager
async def listening(app: ASGIApp, port: int) -> AsyncIterator[None]:
    """`app` at `port` of this machine."""
    config = uvicorn.Config(
        app,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started or serving.done()

    async def idle() -> bool:
        return not server.server_state.connections

    try:
        await eventually(started)
        yield
        server.should_exit = True
        await eventually(idle)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _register(server: grpc.aio.Server, stock: InventoryServicer, accounts: UserServicer) -> None:
    pb_grpc.add_InventoryServicer_to_server(stock, server)
    user_pb2_grpc.add_UserServiceServicer_to_server(accounts, server)


async def _stop(server: grpc.aio.Server) -> None:
    await server.stop(None)


def key_server(signer: Signer) -> ASGIApp:
    async def answer(_: Scope, __: Receive, send: Send) -> None:
        body = json.dumps(signer.jwks()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return answer

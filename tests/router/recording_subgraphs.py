"""Three small subgraphs in one process: the shape of the supergraph without its stores.

They record what the router sends them, and can be told to misbehave. The router and the edge in front of them
are the real ones.
"""

import asyncio
import dataclasses
import hashlib
import json
import time
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import jwt
import strawberry
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from graphql import GraphQLError
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.federation import Schema
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet
from strawberry.file_uploads import Upload

Scope = MutableMapping[str, Any]


@dataclasses.dataclass
class Recorder:
    """What reached one subgraph since the test began."""

    requests: list[dict[str, str]] = dataclasses.field(default_factory=list)
    bodies: list[bytes] = dataclasses.field(default_factory=list)
    calls: list[str] = dataclasses.field(default_factory=list)
    upgrades: list[dict[str, str]] = dataclasses.field(default_factory=list)
    connection_params: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    opened: int = 0
    closed: int = 0
    abandoned: int = 0  # requests that the router left before there was an answer
    drop_next: int = 0  # requests to break off without an answer

    def reset(self) -> None:
        for field in dataclasses.fields(self):
            default = field.default if field.default is not dataclasses.MISSING else []
            setattr(self, field.name, list(default) if isinstance(default, list) else default)


SEEN = {name: Recorder() for name in ("users", "products", "orders")}

# ---- users ---------------------------------------------------------------------------------------------------


@strawberry.federation.type(keys=["id"])
class User:
    id: strawberry.ID
    username: str

    @classmethod
    def resolve_reference(cls, id: strawberry.ID, **_: object) -> "User":  # noqa: A002 - the key's name
        return cls(id=id, username=f"user-{id}")


def caller(info: strawberry.Info) -> str | None:
    """The bearer token of the request, as the router passed it on."""
    header: str | None = info.context["request"].headers.get("authorization")
    return header.removeprefix("Bearer ") if header else None


@strawberry.type(name="Query")
class UsersQuery:
    @strawberry.field(description="The account that is logged in.")
    def me(self, info: strawberry.Info) -> User | None:
        if caller(info) is None:
            raise GraphQLError("Log in first.", extensions={"code": "UNAUTHENTICATED", "hint": "login"})
        return User(id=strawberry.ID("1"), username="ada")

    @strawberry.field
    def leaky(self) -> str | None:
        raise RuntimeError("connect to postgres://secret@10.0.0.7 failed")

    @strawberry.field
    async def slow(self, seconds: float) -> str | None:
        await asyncio.sleep(seconds)
        return "done"


@strawberry.type(name="Mutation")
class UsersMutation:
    @strawberry.mutation
    def rename(self, username: str) -> User | None:
        SEEN["users"].calls.append(f"rename {username}")
        return User(id=strawberry.ID("1"), username=username)

    @strawberry.mutation
    async def dawdle(self, seconds: float) -> str | None:
        await asyncio.sleep(seconds)
        return "done"


# ---- products ------------------------------------------------------------------------------------------------


@strawberry.federation.type(keys=["id"])
class Product:
    id: strawberry.ID
    name: str
    stock: int

    @classmethod
    def resolve_reference(cls, id: strawberry.ID, **_: object) -> "Product":  # noqa: A002 - the key's name
        return cls(id=id, name=f"product-{id}", stock=7)


@strawberry.type
class Category:
    @strawberry.field
    def products(self, first: int | None = 20) -> "ProductConnection":
        return ProductConnection(first=first or 20)


@strawberry.type
class CategorisedProduct:
    id: strawberry.ID
    name: str

    @strawberry.field
    def category(self) -> Category:
        return Category()


@strawberry.type
class ProductConnection:
    first: strawberry.Private[int]

    @strawberry.field
    def nodes(self) -> list[CategorisedProduct]:
        names = [f"product-{n}" for n in range(self.first)]
        return [CategorisedProduct(id=strawberry.ID(name), name=name) for name in names]


@strawberry.type(name="Mutation")
class ProductsMutation:
    @strawberry.mutation
    async def picture(self, id: strawberry.ID, file: Upload) -> Product | None:  # noqa: A002 - the argument's name in the API
        content = await file.read()  # type: ignore[attr-defined]
        digest = hashlib.sha256(content).hexdigest()
        SEEN["products"].calls.append(f"picture {id} {len(content)} {digest}")
        return Product(id=id, name="pictured", stock=7)


@strawberry.type(name="Query")
class ProductsQuery:
    @strawberry.field
    def products(self, first: int | None = 20) -> ProductConnection:
        return ProductConnection(first=first or 20)

    @strawberry.field
    def product(self, id: strawberry.ID) -> Product | None:  # noqa: A002 - the argument's name in the API
        SEEN["products"].calls.append(f"product {id}")
        return Product(id=id, name=f"product-{id}", stock=7)


# ---- orders --------------------------------------------------------------------------------------------------


@strawberry.federation.type(keys=[Key(fields=FieldSet("id"), resolvable=False)], name="Product")
class ProductStub:
    id: strawberry.ID


@strawberry.type
class OrderItem:
    quantity: int
    product: ProductStub | None


@strawberry.federation.type(keys=["id"])
class Order:
    id: strawberry.ID
    status: str

    @strawberry.field
    def user(self) -> "Buyer | None":
        return Buyer(id=strawberry.ID("1"))

    @strawberry.field
    def items(self) -> list[OrderItem]:
        return [OrderItem(quantity=2, product=ProductStub(id=strawberry.ID(f"p{n}"))) for n in (1, 2)]


@strawberry.federation.type(keys=["id"], name="User")
class Buyer:
    id: strawberry.ID

    @strawberry.field(description="What this account has ordered, newest first.")
    def orders(self) -> list[Order]:
        return [Order(id=strawberry.ID("o1"), status="PAID")]

    @classmethod
    def resolve_reference(cls, id: strawberry.ID, **_: object) -> "Buyer":  # noqa: A002 - the key's name
        return cls(id=id)


@strawberry.type
class OrderStatusEvent:
    seq: int
    status: str
    order: Order


@strawberry.type(name="Query")
class OrdersQuery:
    @strawberry.field
    def order(self, id: strawberry.ID) -> Order | None:  # noqa: A002 - the argument's name in the API
        return Order(id=id, status="PAID")


@strawberry.type(name="Subscription")
class OrdersSubscription:
    @strawberry.subscription
    async def order_status(
        self, info: strawberry.Info, order_id: strawberry.ID, after_seq: int = 0
    ) -> AsyncIterator[OrderStatusEvent]:
        seen = SEEN["orders"]
        params = info.context.get("connection_params") or {}
        seen.connection_params.append(dict(params))
        if not params.get("authorization"):
            raise GraphQLError("Log in first.", extensions={"code": "UNAUTHENTICATED"})
        seen.opened += 1
        try:
            for seq in range(after_seq + 1, 1_000):
                status = "PAID" if seq > 1 else "AWAITING_PAYMENT"
                yield OrderStatusEvent(seq=seq, status=status, order=Order(id=order_id, status=status))
                if order_id == "short" and seq >= 2:
                    return
                await asyncio.sleep(0.02)
        finally:
            seen.closed += 1


class OrdersApp(GraphQL):
    """Refuses a revoked or a forged token when the connection is opened, as a real subgraph does."""

    async def on_ws_connect(self, context: Any) -> Any:
        SEEN["orders"].upgrades.append(dict(context["request"].headers))
        bearer = context["connection_params"].get("authorization", "").removeprefix("Bearer ")
        if bearer == "revoked" or (bearer.count(".") == 2 and not signed(bearer)):
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)


SCHEMAS = {
    "users": Schema(query=UsersQuery, mutation=UsersMutation, types=[User], federation_version="2.9"),
    "products": Schema(
        query=ProductsQuery, mutation=ProductsMutation, types=[Product], federation_version="2.9"
    ),
    "orders": Schema(
        query=OrdersQuery, subscription=OrdersSubscription, types=[Buyer, Order], federation_version="2.9"
    ),
}

# ---- tokens --------------------------------------------------------------------------------------------------

KEY = Ed25519PrivateKey.generate()


def token(
    key: Ed25519PrivateKey = KEY,
    *,
    subject: str = "1",
    expires_in: float = 600,
    audience: str = "supergraph",
) -> str:
    """A token as users issues it."""
    now = int(time.time())
    claims = {"iss": "supergraph", "aud": audience, "sub": subject, "iat": now, "nbf": now - 5, "jti": "t1"}
    claims["exp"] = int(now + expires_in)
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "k1", "typ": "at+jwt"})


def signed(bearer: str) -> bool:
    """Whether a token was signed by the key of users."""
    try:
        jwt.decode(bearer, KEY.public_key(), algorithms=["EdDSA"], audience="supergraph")
    except jwt.InvalidTokenError:
        return False
    return True


def jwks() -> bytes:
    """The public half, as users publishes it."""
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return json.dumps({"keys": [{**jwk, "kid": "k1", "alg": "EdDSA", "use": "sig"}]}).encode()

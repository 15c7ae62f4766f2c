"""Accounts of the whole system, and clients of its edge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from filelock import FileLock
from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.httpx import HTTPXAsyncTransport

from tests.harness import launcher

PASSWORD = "password123"


@dataclass(frozen=True)
class Account:
    id: str
    username: str
    email: str
    token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@pytest.fixture(scope="session")
def edge(supergraph: dict[str, Any]) -> str:
    return str(supergraph["addresses"]["edge"])


@pytest.fixture(scope="session")
async def http(edge: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the edge; the first account, which becomes an administrator, is there before it is used."""
    async with httpx.AsyncClient(base_url=edge, timeout=30) as client:
        await _first_account(client)
        yield client


async def sign_up(http: httpx.AsyncClient, username: str) -> Account:
    email = f"{username}@example.com"
    body = {"username": username, "email": email, "password": PASSWORD}
    answer = await http.post("/api/v1/users/register", json=body)
    assert answer.status_code == 201, answer.text
    return _account(answer.json())


def _account(body: dict[str, Any]) -> Account:
    user = body["user"]
    return Account(user["id"], user["username"], user["email"], body["token"], body["refresh_token"])


async def _first_account(http: httpx.AsyncClient) -> Account:
    with FileLock(launcher.folder() / "admin.lock"):
        login = {"email": "first@example.com", "password": PASSWORD}
        answer = await http.post("/api/v1/users/login", json=login)
        if answer.status_code == 200:
            return _account(answer.json())
        return await sign_up(http, "first")


@pytest.fixture(scope="session")
async def admin(http: httpx.AsyncClient) -> Account:
    """The first account of the system, which the embedded default makes an administrator."""
    return await _first_account(http)


@pytest.fixture
def new_customer(http: httpx.AsyncClient) -> Callable[[], Awaitable[Account]]:
    """Registers a new account."""

    async def make() -> Account:
        return await sign_up(http, f"u{uuid4().hex[:16]}")

    return make


@pytest.fixture
async def customer(new_customer: Callable[[], Awaitable[Account]]) -> Account:
    return await new_customer()


@pytest.fixture
def new_product(http: httpx.AsyncClient, admin: Account) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def make(**fields: Any) -> dict[str, Any]:
        body = {"name": "Kettle", "price": 19.99, "stock": 10, "category": "Kitchen", **fields}
        answer = await http.post("/api/v1/products", json=body, headers=admin.headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return make


async def order_with_stock(
    http: httpx.AsyncClient, account: Account, answer: httpx.Response
) -> dict[str, Any]:
    """The order that was placed, once its stock is held.

    Nearly always it is at once; on a machine that is busy with other tests the first try may time out,
    and then the worker holds the stock a little later.
    """
    assert answer.status_code in {201, 202}, answer.text
    order: dict[str, Any] = answer.json()
    assert (answer.status_code == 202) == (order["status"] == "pending_stock")
    async with asyncio.timeout(60):
        while order["status"] == "pending_stock":
            await asyncio.sleep(0.2)
            order = (await http.get(f"/api/v1/orders/{order['id']}", headers=account.headers)).json()
    return order


@asynccontextmanager
async def session(edge: str, account: Account | None = None) -> AsyncIterator[AsyncClientSession]:
    """A `gql` session at the edge."""
    headers = account.headers if account else {}
    transport = HTTPXAsyncTransport(f"{edge}/graphql", headers=headers, timeout=30)
    async with Client(transport=transport, fetch_schema_from_transport=False) as opened:
        yield opened


def request(document: str, variables: dict[str, Any] | None = None) -> GraphQLRequest:
    return GraphQLRequest(document, variable_values=variables)

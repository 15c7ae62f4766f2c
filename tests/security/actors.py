"""The five actors of the policy, and the order, product and account that they ask for."""

from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from tests.security.policy import ACTORS
from tests.supergraph.conftest import PASSWORD, Account, sign_up

NOTHING = "01890000-0000-7000-8000-000000000000"
_SET_ROLE = "mutation ($id: ID!, $role: Role!) { setUserRole(userId: $id, role: $role) { __typename } }"


@dataclass
class Actors:
    """By name of the actor; `variables` are what the calls of the policy name as `$order`."""

    accounts: dict[str, Account]
    tokens: dict[str, str | None]
    variables: dict[str, str] = field(default_factory=dict)


async def create_actors(http: httpx.AsyncClient, admin: Account) -> Actors:
    """New accounts each time, so that a test may end the sessions of its own."""
    accounts = {actor: await sign_up(http, f"{actor}{uuid4().hex[:12]}") for actor in ACTORS[1:]}
    for actor, role in (("staff", "STAFF"), ("admin", "ADMIN")):
        await _promote(http, admin, accounts[actor], role)
    tokens = {actor: await log_in(http, account) for actor, account in accounts.items()}
    actors = Actors(accounts, {"nobody": None, **tokens})
    owner = accounts["owner"]
    headers = {"authorization": f"Bearer {tokens['owner']}"}
    profile = {"first_name": "Ann", "last_name": "Lee", "phone": "+15550100123", "address": "1 Way"}
    assert (await http.put("/api/v1/users/profile", json=profile, headers=headers)).status_code == 200
    product = await _product(http, admin)
    order, cancelled = [await _order(http, headers, product) for _ in range(2)]
    for change in (
        http.post(f"/api/v1/orders/{order}/pay", headers=headers),
        http.delete(f"/api/v1/orders/{cancelled}", headers=headers),
    ):
        assert (await change).status_code == 200
    actors.variables = {
        "owner": owner.id,
        "owner_name": owner.username,
        "password": PASSWORD,
        "refresh_token": owner.refresh_token,
        "product": product,
        "category": await _category(http, product),
        "order": order,
        "cancelled": cancelled,
        "nothing": NOTHING,
    }
    return actors


async def log_in(http: httpx.AsyncClient, account: Account) -> str:
    """The token of a new session."""
    login = {"email": account.email, "password": PASSWORD}
    answer = await http.post("/api/v1/users/login", json=login)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


async def _promote(http: httpx.AsyncClient, admin: Account, account: Account, role: str) -> None:
    body = {"query": _SET_ROLE, "variables": {"id": account.id, "role": role}}
    answer = (await http.post("/graphql", json=body, headers=admin.headers)).json()
    assert answer["data"]["setUserRole"]["__typename"] == "SetUserRoleSuccess", answer


async def _product(http: httpx.AsyncClient, admin: Account) -> str:
    body = {
        "name": "Kettle",
        "description": "Hot",
        "price": 19.99,
        "stock": 10,
        "category": "Kitchen",
        "tags": ["hot"],
    }
    answer = await http.post("/api/v1/products", json=body, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _order(http: httpx.AsyncClient, headers: dict[str, str], product: str) -> str:
    address = {
        "address": "1 Way",
        "city": "Bern",
        "state": "BE",
        "country": "CH",
        "zip_code": "3000",
        "method": "post",
    }
    body = {"items": [{"product_id": product, "quantity": 1}], "shipping": address}
    answer = await http.post("/api/v1/orders", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _category(http: httpx.AsyncClient, product: str) -> str:
    query = f'{{ product(id: "{product}") {{ category {{ id }} }} }}'
    answer = (await http.post("/graphql", json={"query": query})).json()
    return str(answer["data"]["product"]["category"]["id"])

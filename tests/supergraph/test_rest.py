"""REST in front of the real supergraph, where a stub of the router would prove nothing."""

from uuid import uuid4

import httpx

from tests.supergraph.conftest import PASSWORD, Account

CATEGORY = """
  mutation Create($input: CategoryInput!) {
    createCategory(input: $input) { ... on CreateCategorySuccess { category { id } } ... on Error { code message } }
  }
"""


async def test_products_are_filtered_by_the_slug_the_id_and_the_name_of_a_category(
    http: httpx.AsyncClient, admin: Account
) -> None:
    word = uuid4().hex[:12]
    name, slug = f"Läden & {word}", f"shutters-{word}"
    variables = {"input": {"name": name, "slug": slug}}
    made = await http.post(
        "/graphql", json={"query": CATEGORY, "variables": variables}, headers=admin.headers
    )
    category = made.json()["data"]["createCategory"]["category"]["id"]
    body = {"name": "Shutter", "price": 5, "stock": 1, "category": name}
    created = await http.post("/api/v1/products", json=body, headers=admin.headers)
    assert (created.status_code, created.json()["category"]) == (201, name)
    for wanted in (slug, category, name, name.upper().replace("Ä", "a")):
        found = await http.get("/api/v1/products", params={"category": wanted})
        assert (wanted, [product["id"] for product in found.json()["products"]]) == (
            wanted,
            [created.json()["id"]],
        )
    other = await http.get("/api/v1/products", params={"category": f"no {word}"})
    assert (other.status_code, other.json()["products"]) == (200, [])


async def test_another_email_address_needs_the_password_and_is_confirmed_first(
    http: httpx.AsyncClient, customer: Account
) -> None:
    wanted = f"new-{customer.email}"
    refused = await http.put("/api/v1/users/profile", json={"email": wanted}, headers=customer.headers)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "current_password")
    change = {"email": wanted, "current_password": PASSWORD}
    changed = await http.put("/api/v1/users/profile", json=change, headers=customer.headers)
    assert (changed.status_code, changed.json()["email"]) == (200, customer.email)
    guessed = await http.post("/api/v1/users/confirm-email", json={"token": "guessed"})
    assert (guessed.status_code, guessed.json()["error"]["field"]) == (422, "token")
    profile = await http.get("/api/v1/users/profile", headers=customer.headers)
    assert profile.json()["email"] == customer.email

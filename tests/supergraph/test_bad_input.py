"""Bad input at each endpoint: the documented error, a request id, and nothing written."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.harness import launcher
from tests.supergraph.conftest import Account, order_with_stock

NOBODY = "01890000-0000-7000-8000-000000000000"

# Each writing endpoint with a body that it would take, and the names of what must be there.
WRITES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    (
        "POST",
        "/api/v1/users/register",
        {"username": "someone", "email": "s@example.com", "password": "password123"},
        ["username", "email", "password"],
    ),
    (
        "POST",
        "/api/v1/users",
        {"username": "someone", "email": "s@example.com", "password": "password123"},
        ["username", "email", "password"],
    ),
    ("POST", "/api/v1/users/login", {"email": "s@example.com", "password": "password123"}, ["password"]),
    ("POST", "/api/v1/users/refresh", {"refresh_token": "x"}, ["refresh_token"]),
    ("PUT", "/api/v1/users/profile", {"first_name": "Ada"}, []),
    ("POST", "/api/v1/products", {"name": "Cup", "price": 1.5}, ["name", "price"]),
    ("POST", "/api/v1/orders", {"items": [{"product_id": NOBODY, "quantity": 1}]}, ["items"]),
    ("POST", f"/api/v1/orders/{NOBODY}/pay", {"method": "card"}, []),
]
PATHS = [(method, path) for method, path, _, _ in WRITES]
PRIVATE = [
    ("GET", "/api/v1/users/profile"),
    ("PUT", "/api/v1/users/profile"),
    ("DELETE", "/api/v1/users/logout"),
    ("POST", "/api/v1/users/logout"),
    ("POST", "/api/v1/products"),
    ("POST", "/api/v1/orders"),
    ("GET", f"/api/v1/orders/{NOBODY}"),
    ("DELETE", f"/api/v1/orders/{NOBODY}"),
    ("POST", f"/api/v1/orders/{NOBODY}/pay"),
    ("GET", f"/api/v1/orders/{NOBODY}/events"),
    ("GET", f"/api/v1/orders/user/{NOBODY}"),
]


def _refused(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["message"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    if field is not None:
        assert answer.json()["error"]["field"] == field


def _body(method: str, path: str) -> dict[str, Any]:
    return next((dict(body) for m, p, body, _ in WRITES if (m, p) == (method, path)), {})


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_malformed_json_is_400(http: httpx.AsyncClient, admin: Account, method: str, path: str) -> None:
    headers = {**admin.headers, "content-type": "application/json"}
    _refused(await http.request(method, path, content=b'{"a": ', headers=headers), 400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_unknown_field_is_422(http: httpx.AsyncClient, admin: Account, method: str, path: str) -> None:
    body = {**_body(method, path), "colour": "green"}
    answer = await http.request(method, path, json=body, headers=admin.headers)
    _refused(answer, 422, "VALIDATION_FAILED", "colour")


@pytest.mark.parametrize(
    ("method", "path", "field"), [(m, p, f) for m, p, _, fields in WRITES for f in fields]
)
async def test_missing_field_is_422(
    http: httpx.AsyncClient, admin: Account, method: str, path: str, field: str
) -> None:
    body = _body(method, path)
    del body[field]
    answer = await http.request(method, path, json=body, headers=admin.headers)
    _refused(answer, 422, "VALIDATION_FAILED", field)


@pytest.mark.parametrize(("method", "path", "field"), [(m, p, f) for m, p, body, _ in WRITES for f in body])
async def test_wrong_type_is_422(
    http: httpx.AsyncClient, admin: Account, method: str, path: str, field: str
) -> None:
    body = {**_body(method, path), field: {"not": "this"}}
    answer = await http.request(method, path, json=body, headers=admin.headers)
    assert answer.json()["error"].get("field", "").split(".")[0] == field
    _refused(answer, 422, "VALIDATION_FAILED")


@pytest.mark.parametrize(("method", "path"), PRIVATE)
async def test_no_token_is_401(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, path, json=_body(method, path) or None)
    _refused(answer, 401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/api/v1/users/{NOBODY}"),
        ("GET", "/api/v1/users/nobody"),
        ("GET", f"/api/v1/products/{NOBODY}"),
        ("GET", "/api/v1/products/nothing"),
        ("GET", f"/api/v1/orders/{NOBODY}"),
        ("GET", "/api/v1/orders/nothing"),
        ("DELETE", f"/api/v1/orders/{NOBODY}"),
        ("POST", f"/api/v1/orders/{NOBODY}/pay"),
        ("GET", f"/api/v1/orders/{NOBODY}/events"),
        ("GET", "/api/v1/nothing"),
    ],
)
async def test_unknown_id_is_404(http: httpx.AsyncClient, customer: Account, method: str, path: str) -> None:
    _refused(await http.request(method, path, headers=customer.headers), 404, "NOT_FOUND")


async def test_order_of_an_unknown_product_is_404_and_is_not_payable(
    http: httpx.AsyncClient, customer: Account
) -> None:
    body = {"items": [{"product_id": NOBODY, "quantity": 1}]}
    _refused(await http.post("/api/v1/orders", json=body, headers=customer.headers), 404, "NOT_FOUND")
    mine = (await http.get(f"/api/v1/orders/user/{customer.id}", headers=customer.headers)).json()["orders"]
    assert [o["status"] for o in mine] == ["rejected"]


@pytest.mark.parametrize("quantity", [0, -1, 1001, 2**40])
async def test_quantity_out_of_bounds_is_422_and_takes_no_stock(
    http: httpx.AsyncClient,
    customer: Account,
    new_product: Callable[..., Awaitable[dict[str, Any]]],
    quantity: int,
) -> None:
    product = await new_product(stock=5)
    body = {"items": [{"product_id": product["id"], "quantity": quantity}]}
    answer = await http.post("/api/v1/orders", json=body, headers=customer.headers)
    _refused(answer, 422, "VALIDATION_FAILED")
    assert (await http.get(f"/api/v1/products/{product['id']}")).json()["stock"] == 5
    mine = await http.get(f"/api/v1/orders/user/{customer.id}", headers=customer.headers)
    assert mine.json()["orders"] == []


async def test_foreign_order_cannot_be_read_paid_or_cancelled(
    http: httpx.AsyncClient,
    customer: Account,
    new_customer: Callable[[], Awaitable[Account]],
    new_product: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    product = await new_product()
    body = {"items": [{"product_id": product["id"], "quantity": 1}]}
    placed = await http.post("/api/v1/orders", json=body, headers=customer.headers)
    order = await order_with_stock(http, customer, placed)
    stranger = (await new_customer()).headers
    path = f"/api/v1/orders/{order['id']}"
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/pay"), ("GET", "/events")):
        _refused(await http.request(method, f"{path}{suffix}", headers=stranger), 404, "NOT_FOUND")
    assert (await http.get(path, headers=customer.headers)).json()["status"] == "awaiting_payment"


async def test_customer_creates_no_product(http: httpx.AsyncClient, customer: Account) -> None:
    name = f"Contraband {uuid4().hex}"
    answer = await http.post("/api/v1/products", json={"name": name, "price": 1}, headers=customer.headers)
    _refused(answer, 403, "FORBIDDEN")
    listed = (await http.get("/api/v1/products?limit=5&sort=newest")).json()["products"]
    assert name not in [p["name"] for p in listed]


async def test_taken_name_is_409_and_names_the_field(http: httpx.AsyncClient, customer: Account) -> None:
    body = {
        "username": customer.username.upper(),
        "email": f"{uuid4().hex}@example.com",
        "password": "password123",
    }
    _refused(await http.post("/api/v1/users/register", json=body), 409, "CONFLICT")


async def test_wrong_password_and_unknown_account_answer_alike(
    http: httpx.AsyncClient, customer: Account
) -> None:
    wrong = await http.post(
        "/api/v1/users/login", json={"email": customer.email, "password": "wrong-password"}
    )
    unknown = await http.post(
        "/api/v1/users/login", json={"email": "no@example.com", "password": "wrong-password"}
    )
    _refused(wrong, 401, "UNAUTHENTICATED")
    assert wrong.json()["error"] == unknown.json()["error"]
    assert wrong.status_code == unknown.status_code


def _tampered(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body[:-2]}AA.{signature}"


def _forged(token: str, **changes: Any) -> str:
    """The token with `changes`, signed by a key of ours under the same kid."""
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    return jwt.encode({**claims, **changes}, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=header)


BAD_TOKENS: dict[str, Callable[[str], str]] = {
    "garbage": lambda _: "garbage",
    "tampered": _tampered,
    "forged": _forged,
    "forged and expired": lambda token: _forged(token, exp=int(time.time()) - 3600),
    "unsigned": lambda token: jwt.encode(
        jwt.decode(token, options={"verify_signature": False}),
        None,
        algorithm="none",
        headers={"typ": "at+jwt"},
    ),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_bad_token_is_401_everywhere(
    http: httpx.AsyncClient, supergraph: dict[str, Any], customer: Account, kind: str
) -> None:
    headers = {"authorization": f"Bearer {BAD_TOKENS[kind](customer.token)}"}
    _refused(await http.get("/api/v1/users/profile", headers=headers), 401, "UNAUTHENTICATED")

    query = {"query": "{ me { id } }"}
    at_edge = await http.post("/graphql", json=query, headers=headers)
    assert at_edge.status_code == 401
    assert at_edge.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    # Behind the edge nobody is trusted either: each subgraph checks by itself.
    addresses = supergraph["addresses"]
    async with httpx.AsyncClient(headers=launcher.AS_THE_ROUTER) as direct:
        for name in ("users", "products", "orders"):
            answer = await direct.post(
                f"{addresses[name]}/graphql", json={"query": "{ __typename }"}, headers=headers
            )
            assert answer.status_code == 401, name
            assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        routed = (await direct.post(f"{addresses['router']}/graphql", json=query, headers=headers)).json()
        assert routed["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


GRAPHQL_FAULTS = {
    "syntax": ("{ me {", {}, "GRAPHQL_PARSE_FAILED"),
    "unknown field": ("{ me { shoeSize } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    "unknown argument": ("{ products(colour: 1) { nodes { id } } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    "wrong type of a variable": (
        "query Q($f: Int) { products(first: $f) { nodes { id } } }",
        {"f": "x"},
        "BAD_USER_INPUT",
    ),
    "missing variable": ("query Q($id: ID!) { user(id: $id) { id } }", {}, "BAD_USER_INPUT"),
    "page too large": ("{ products(first: 101) { nodes { id } } }", {}, "VALIDATION_FAILED"),
    "foreign cursor": ('{ products(after: "abc") { nodes { id } } }', {}, "VALIDATION_FAILED"),
}


@pytest.mark.parametrize("fault", GRAPHQL_FAULTS)
async def test_graphql_fault_has_a_code_and_a_request_id(http: httpx.AsyncClient, fault: str) -> None:
    query, variables, code = GRAPHQL_FAULTS[fault]
    answer = await http.post("/graphql", json={"query": query, "variables": variables})
    errors = answer.json()["errors"]
    assert errors[0]["extensions"]["code"] == code, answer.text
    assert answer.headers["x-request-id"]


async def test_graphql_price_must_not_be_a_float(http: httpx.AsyncClient, admin: Account) -> None:
    name = f"Float {uuid4().hex}"
    mutation = "mutation M($i: CreateProductInput!) { createProduct(input: $i) { __typename } }"
    body = {"query": mutation, "variables": {"i": {"name": name, "price": 1.1}}}
    answer = await http.post("/graphql", json=body, headers=admin.headers)
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert name not in (await http.get("/api/v1/products?limit=5&sort=newest")).text


async def test_malformed_graphql_request_is_400(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]
    assert answer.headers["x-request-id"]

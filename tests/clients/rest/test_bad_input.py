"""Bad input for each endpoint: refused with the documented error, and nothing is sent on."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.clients.rest.stub_router import StubRouter

# For each endpoint with a body: a good one, then bad ones with the field that the error names.
BODIES: dict[str, tuple[dict[str, Any], list[tuple[Any, str | None]]]] = {
    "POST /api/v1/users/register": (
        {"username": "ada", "email": "ada@example.com", "password": "password123"},
        [
            ({"username": "ada", "email": "ada@example.com"}, "password"),
            ({"username": 7, "email": "ada@example.com", "password": "x"}, "username"),
            ({"username": "ada", "email": None, "password": "x"}, "email"),
            ({"username": "ada", "email": "a@b.c", "password": ""}, "password"),
        ],
    ),
    "POST /api/v1/users": (
        {"username": "ada", "email": "a@b.c", "password": "password123"},
        [({}, "username")],
    ),
    "POST /api/v1/users/login": (
        {"email": "ada@example.com", "password": "password123"},
        [
            ({"email": "ada@example.com"}, "password"),
            ({"password": "x"}, None),
            ({"email": "a", "username": "b", "password": "x"}, None),
            ({"email": ["a"], "password": "x"}, "email"),
        ],
    ),
    "POST /api/v1/users/refresh": (
        {"refresh_token": "r1"},
        [
            ({}, "refresh_token"),
            ({"refresh_token": 1}, "refresh_token"),
            ({"refresh_token": ""}, "refresh_token"),
        ],
    ),
    "PUT /api/v1/users/profile": (
        {"phone": "5550100123"},
        [
            ({"phone": 1}, "phone"),
            ({"username": "eve"}, "username"),
            ({"current_password": ""}, "current_password"),
        ],
    ),
    "POST /api/v1/users/confirm-email": (
        {"token": "t"},
        [({}, "token"), ({"token": ""}, "token"), ({"token": 1}, "token")],
    ),
    "POST /api/v1/products": (
        {"name": "Laptop", "price": 1},
        [
            ({"price": 1}, "name"),
            ({"name": "x"}, "price"),
            ({"name": "x", "price": "cheap"}, "price"),
            ({"name": "x", "price": True}, "price"),
            ({"name": "x", "price": -1}, "price"),
            ({"name": "x", "price": 1, "stock": "3"}, "stock"),
            ({"name": "x", "price": 1, "stock": 1.5}, "stock"),
            ({"name": "x", "price": 1, "stock": 2**31}, "stock"),
            ({"name": "x", "price": 1, "tags": "new"}, "tags"),
            ({"name": "x", "price": 1, "currency": "DOLLAR"}, "currency"),
        ],
    ),
    "POST /api/v1/orders": (
        {"items": [{"product_id": "p1", "quantity": 1}]},
        [
            ({}, "items"),
            ({"items": []}, "items"),
            ({"items": {"product_id": "p1"}}, "items"),
            ({"items": [{"quantity": 1}]}, "items.0.product_id"),
            ({"items": [{"product_id": "p1", "quantity": 1}, {"product_id": "p2"}]}, "items.1.quantity"),
            ({"items": [{"product_id": "p1", "quantity": 0}]}, "items.0.quantity"),
            ({"items": [{"product_id": "p1", "quantity": "2"}]}, "items.0.quantity"),
            ({"items": [{"product_id": "p1", "quantity": 1, "price": 0}]}, "items.0.price"),
            ({"items": [{"product_id": "p1", "quantity": 1}], "shipping": {"zip": "1"}}, "shipping.zip"),
        ],
    ),
    "POST /api/v1/orders/o1/pay": ({}, [({"token": 1}, "token"), ({"method": None}, "method")]),
}
NEED_A_TOKEN = [
    "DELETE /api/v1/users/logout", "POST /api/v1/users/logout", "GET /api/v1/users/profile",
    "PUT /api/v1/users/profile", "POST /api/v1/products", "POST /api/v1/orders", "GET /api/v1/orders/o1",
    "DELETE /api/v1/orders/o1", "GET /api/v1/orders/user/u1", "POST /api/v1/orders/o1/pay",
    "GET /api/v1/orders/o1/events",
]  # fmt: skip
MALFORMED = [b"{", b'{"a":}', b"\xff", b'{"price": NaN}', b'{"a": "\\ud800"}', b"[" * 100_000]


def _each_bad_body() -> Iterator[tuple[str, Any, str | None]]:
    for endpoint, (good, bad) in BODIES.items():
        yield from ((endpoint, body, field) for body, field in bad)
        yield endpoint, {**good, "nonsense": 1}, "nonsense"
        yield endpoint, [good], None
        yield endpoint, "text", None


def _refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error, checked for the documented form."""
    answer = response.json()
    assert (response.status_code, answer["error"]["code"]) == (status, code)
    assert set(answer) == {"error", "request_id"}
    assert answer["request_id"] == response.headers["x-request-id"]
    assert answer["error"]["message"]
    return dict(answer["error"])


@pytest.mark.parametrize(("endpoint", "body", "field"), list(_each_bad_body()))
async def test_a_body_that_does_not_fit_is_422_with_its_field(
    client: httpx.AsyncClient, router: StubRouter, endpoint: str, body: Any, field: str | None
) -> None:
    error = _refused(await client.request(*endpoint.split(), json=body), 422, "VALIDATION_FAILED")
    assert error.get("field") == field
    assert router.sent == []


@pytest.mark.parametrize("endpoint", BODIES)
async def test_malformed_json_is_400(client: httpx.AsyncClient, router: StubRouter, endpoint: str) -> None:
    for content in MALFORMED:
        response = await client.request(
            *endpoint.split(), content=content, headers={"content-type": "application/json"}
        )
        _refused(response, 400, "MALFORMED_REQUEST")
    _refused(await client.request(*endpoint.split(), content=b"{"), 400, "MALFORMED_REQUEST")
    assert router.sent == []


@pytest.mark.parametrize("endpoint", BODIES)
@pytest.mark.parametrize(
    "declared", ["text/plain", "application/x-www-form-urlencoded", "application/jsonish", "json"]
)
async def test_another_content_type_is_415(
    client: httpx.AsyncClient, router: StubRouter, endpoint: str, declared: str
) -> None:
    good, _ = BODIES[endpoint]
    request = client.build_request(*endpoint.split(), json=good, headers={"content-type": declared})
    _refused(await client.send(request), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert router.sent == []


@pytest.mark.parametrize("endpoint", [e for e in BODIES if not e.endswith("/pay")])
async def test_no_body_at_all_is_422(client: httpx.AsyncClient, router: StubRouter, endpoint: str) -> None:
    _refused(await client.request(*endpoint.split()), 422, "VALIDATION_FAILED")
    assert router.sent == []


@pytest.mark.parametrize("endpoint", NEED_A_TOKEN)
@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Bearer"])
async def test_without_a_token_is_401(
    anonymous: httpx.AsyncClient, router: StubRouter, endpoint: str, authorization: str | None
) -> None:
    good, _ = BODIES.get(endpoint, (None, None))
    headers = {} if authorization is None else {"authorization": authorization}
    response = await anonymous.request(*endpoint.split(), json=good, headers=headers)
    _refused(response, 401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == 'Bearer realm="supergraph"'
    assert router.sent == []


@pytest.mark.parametrize(
    "endpoint", ["GET /api/v1/orders/{}", "GET /api/v1/users/{}", "GET /api/v1/products/{}"]
)
@pytest.mark.parametrize("text", ["%00", "a%20b", "x" * 129, "%C3%A4"])
async def test_what_can_be_no_id_is_404(
    client: httpx.AsyncClient, router: StubRouter, endpoint: str, text: str
) -> None:
    _refused(await client.request(*endpoint.format(text).split()), 404, "NOT_FOUND")
    assert router.sent == []


@pytest.mark.parametrize("path", ["/api/v1/products", "/api/v1/orders/user/u1"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("page=101&limit=100", None),
        ("page=2&cursor=a", None),
        ("catgory=x", "catgory"),
    ],
)
async def test_a_page_that_does_not_fit_is_422(
    client: httpx.AsyncClient, router: StubRouter, path: str, query: str, field: str | None
) -> None:
    error = _refused(await client.get(f"{path}?{query}"), 422, "VALIDATION_FAILED")
    assert error.get("field") == field
    assert router.sent == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("min_price=-1", "min_price"),
        ("max_price=cheap", "max_price"),
        ("min_price=2&max_price=1", None),
        ("in_stock=perhaps", "in_stock"),
        ("sort=random", "sort"),
    ],
)
async def test_a_product_filter_that_does_not_fit_is_422(
    client: httpx.AsyncClient, router: StubRouter, query: str, field: str | None
) -> None:
    error = _refused(await client.get(f"/api/v1/products?{query}"), 422, "VALIDATION_FAILED")
    assert error.get("field") == field
    assert router.sent == []


@pytest.mark.parametrize("key", ["", "x" * 256, "two words"])
async def test_an_idempotency_key_that_does_not_fit_is_422(
    client: httpx.AsyncClient, router: StubRouter, key: str
) -> None:
    body = {"items": [{"product_id": "p1", "quantity": 1}]}
    response = await client.post("/api/v1/orders", json=body, headers={"idempotency-key": key})
    assert _refused(response, 422, "VALIDATION_FAILED")["field"] == "Idempotency-Key"
    assert router.sent == []


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/v1/users/", "/api/v2/orders"])
async def test_an_unknown_path_is_404(client: httpx.AsyncClient, path: str) -> None:
    _refused(await client.post(path, json={}), 404, "NOT_FOUND")


ALLOWED = {
    "/api/v1/orders/o1": "DELETE, GET, OPTIONS, PUT",
    "/api/v1/orders": "OPTIONS, POST",
    "/api/v1/users/profile": "GET, OPTIONS, PUT",
    "/api/v1/products": "GET, OPTIONS, POST",
    "/api/v1/users/login": "OPTIONS, POST",
    "/api/v1/users/logout": "DELETE, OPTIONS, POST",
    "/health": "GET, OPTIONS",
    "/docs": "GET, OPTIONS",
}


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", ["PATCH", "TRACE", "QUERY", "HEAD", "PROPFIND"])
async def test_another_method_is_405_with_those_allowed(
    client: httpx.AsyncClient, router: StubRouter, path: str, method: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == ALLOWED[path]
    if method != "HEAD":
        _refused(response, 405, "METHOD_NOT_ALLOWED")
    assert router.sent == []


async def test_the_words_of_other_paths_are_no_ids(client: httpx.AsyncClient, router: StubRouter) -> None:
    _refused(await client.get("/api/v1/users/login"), 405, "METHOD_NOT_ALLOWED")
    _refused(await client.get("/api/v1/users/register"), 405, "METHOD_NOT_ALLOWED")
    assert router.sent == []


@pytest.mark.parametrize("path", ALLOWED)
async def test_options_names_the_methods_of_a_path(anonymous: httpx.AsyncClient, path: str) -> None:
    response = await anonymous.options(path)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == ALLOWED[path]


async def test_options_of_an_unknown_path_is_404(anonymous: httpx.AsyncClient) -> None:
    _refused(await anonymous.options("/api/v1/nowhere"), 404, "NOT_FOUND")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_413(
    client: httpx.AsyncClient, router: StubRouter, *, chunked: bool
) -> None:
    content = b'{"name": "' + b"x" * 1_100_000 + b'"}'

    async def chunks():
        yield content

    body = chunks() if chunked else content
    response = await client.post(
        "/api/v1/products", content=body, headers={"content-type": "application/json"}
    )
    _refused(response, 413, "PAYLOAD_TOO_LARGE")
    assert router.sent == []

"""What a request may hold at the most: the same as the domains say, refused before anything is sent."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from clients.rest.models import base, users
from clients.rest.models.products import ProductQuery
from subgraphs.kit.money import EXPONENTS, MAX_MINOR_UNITS
from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter

USER = {"username": "ada", "email": "ada@example.com", "password": "password123"}
PRODUCT = {"name": "Laptop", "price": 1}
LINE = {"product_id": "p1", "quantity": 1}
REGISTER, ADD, ORDER = "/api/v1/users/register", "/api/v1/products", "/api/v1/orders"

# An endpoint, a body, the field that is made longer, and how many characters or entries it may have.
LENGTHS: list[tuple[str, dict[str, Any], str, int]] = [
    (REGISTER, USER, "username", 32),
    (REGISTER, USER, "password", 128),
    (REGISTER, USER, "first_name", 100),
    (REGISTER, USER, "last_name", 100),
    (REGISTER, USER, "address", 500),
    ("/api/v1/users/login", {"email": "ada@example.com", "password": "x"}, "password", 128),
    ("/api/v1/users/login", {"email": "ada@example.com", "password": "x"}, "email", 254),
    ("/api/v1/users/login", {"username": "ada", "password": "x"}, "username", 32),
    ("/api/v1/users/refresh", {"refresh_token": "r"}, "refresh_token", users.MAX_TOKEN),
    ("/api/v1/users/confirm-email", {"token": "t"}, "token", users.MAX_TOKEN),
    (ADD, PRODUCT, "name", 200),
    (ADD, PRODUCT, "description", 5000),
    (ADD, PRODUCT, "sku", 64),
    (ADD, PRODUCT, "category", 100),
    (ADD, PRODUCT, "category_id", 64),
    ("/api/v1/orders/o1/pay", {}, "method", 200),
    ("/api/v1/orders/o1/pay", {}, "token", 200),
]
# A body with one value that is out of bounds, and the field that the refusal names.
EXCESSES: list[tuple[str, dict[str, Any], str]] = [
    (REGISTER, USER | {"username": "al"}, "username"),
    (REGISTER, USER | {"username": "two words"}, "username"),
    (REGISTER, USER | {"password": "7 chars"}, "password"),
    (REGISTER, USER | {"email": "nobody"}, "email"),
    (REGISTER, USER | {"email": "ada@10.0.0.1"}, "email"),
    ("/api/v1/users/login", {"username": "", "password": "x"}, "username"),
    ("/api/v1/users/login", {"email": "", "password": "x"}, "email"),
    (REGISTER, USER | {"email": f"{'a' * 251}@b.c"}, "email"),
    (REGISTER, USER | {"phone": "12345"}, "phone"),
    (REGISTER, USER | {"phone": "1" * 16}, "phone"),
    (REGISTER, USER | {"first_name": "A\x07da"}, "first_name"),
    (ADD, PRODUCT | {"name": " \t "}, "name"),
    (ADD, PRODUCT | {"sku": "-1"}, "sku"),
    (ADD, PRODUCT | {"tags": ["a" * 41]}, "tags.0"),
    (ADD, PRODUCT | {"tags": ["a"] * 21}, "tags"),
    (ADD, PRODUCT | {"stock": 10**9 + 1}, "stock"),
    (ADD, PRODUCT | {"price": 10**13 + 1}, "price"),
    (ADD, PRODUCT | {"price": 0.1234}, "price"),
    (ADD, PRODUCT | {"currency": "usd"}, "currency"),
    (ADD, PRODUCT | {"currency": "XXX"}, "currency"),
    (ORDER, {"items": [LINE] * 101}, "items"),
    (ORDER, {"items": [LINE | {"quantity": 1001}]}, "items.0.quantity"),
    (ORDER, {"items": [LINE | {"product_id": "p" * 65}]}, "items.0.product_id"),
    (ORDER, {"items": [LINE], "shipping": {"city": "B" * 201}}, "shipping.city"),
    (ORDER, {"items": [LINE], "shipping": {"city": "B\x00"}}, "shipping.city"),
]


async def _refused_field(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    response = await client.post(path, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "VALIDATION_FAILED")
    return str(response.json()["error"]["field"])


@pytest.mark.parametrize(("path", "body", "field", "most"), LENGTHS)
async def test_text_of_the_greatest_length_is_sent_on_and_longer_text_is_not(  # noqa: PLR0917 - parameters of the cases
    client: httpx.AsyncClient, router: StubRouter, path: str, body: dict[str, Any], field: str, most: int
) -> None:
    assert await _refused_field(client, path, body | {field: "a" * (most + 1)}) == field
    assert router.sent == []
    await client.post(path, json=body | {field: "a" * most})
    assert len(router.sent) == 1


@pytest.mark.parametrize(("path", "body", "field"), EXCESSES)
async def test_what_is_out_of_bounds_is_422_with_its_field(
    client: httpx.AsyncClient, router: StubRouter, path: str, body: dict[str, Any], field: str
) -> None:
    assert await _refused_field(client, path, body) == field
    assert router.sent == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/api/v1/products?category={'c' * 101}", "category"),
        (f"/api/v1/products?tag={'t' * 41}", "tag.0"),
        ("/api/v1/products?" + "&".join(["tag=t"] * 21), "tag"),
        (f"/api/v1/products?cursor={'c' * 2049}", "cursor"),
        ("/api/v1/products?cursor=%20", "cursor"),
        ("/api/v1/products?min_price=10000000000001", "min_price"),
        (f"/api/v1/categories?parent_id={'c' * 65}", "parent_id"),
    ],
)
async def test_a_query_out_of_bounds_is_422_with_its_field(
    client: httpx.AsyncClient, router: StubRouter, path: str, field: str
) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["error"]["field"]) == (422, field)
    assert router.sent == []


async def test_a_query_string_over_the_limit_is_414(client: httpx.AsyncClient, router: StubRouter) -> None:
    response = await client.get(f"/api/v1/products?category={'c' * 16_400}")
    assert (response.status_code, response.json()["error"]["code"]) == (414, "URI_TOO_LONG")
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert router.sent == []


async def test_the_longest_query_with_a_meaning_is_under_the_limit(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.roots["products"] = sample_objects.connection([], after=None, first=1)
    wide = "\N{GRINNING FACE}"
    query = {"category": wide * 100, "tag": [wide * 40] * 20, "cursor": "c" * 2048}
    assert (await client.get("/api/v1/products", params=query)).status_code == 200


@pytest.mark.parametrize("email", [" ada@example.com ", "o'neil+tag@mail.example.co.uk", f"{'a' * 64}@b.c"])
@pytest.mark.parametrize("phone", ["", "+1 555 0100123", "(030) 123-45.67", "1234567"])
async def test_spellings_that_the_domain_takes_are_taken(
    client: httpx.AsyncClient, router: StubRouter, email: str, phone: str
) -> None:
    await client.put(
        "/api/v1/users/profile", json={"email": email, "phone": phone, "address": "1 Main St\nX"}
    )
    assert router.sent[0].variables == {"input": {"email": email, "phone": phone, "address": "1 Main St\nX"}}


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("10", "10", "10"),
        ("0.0001", "0.001", "0.000"),
        ("1e-300", "0.001", "0.000"),
        ("0e99999", "0.000", "0.000"),
        ("1e13", "10000000000000.000", "10000000000000.000"),
        ("99.9999", "100.000", "99.999"),
    ],
)
def test_price_limits_are_rounded_to_what_a_price_can_be(text: str, least: str, most: str) -> None:
    assert ProductQuery.model_validate({"min_price": text}).filter() == {"priceMin": least}
    assert ProductQuery.model_validate({"max_price": text}).filter() == {"priceMax": most}


def test_amounts_are_bounded_as_money_is() -> None:
    assert Decimal(base.MAX_AMOUNT) == Decimal(MAX_MINOR_UNITS).scaleb(-EXPONENTS["USD"])
    assert max(EXPONENTS.values()) == base.MAX_DECIMALS == 3

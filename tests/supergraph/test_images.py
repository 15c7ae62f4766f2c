"""Images through the whole system: uploaded both ways at the edge, seen by a browser, gone when removed."""

import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.subgraphs.products.picture_files import SVG, bomb, encoded, jpeg
from tests.supergraph.conftest import Account

ADD = """mutation ($product: ID!, $image: Upload!) { addProductImage(productId: $product, image: $image, alt: "Two") {
  ... on AddProductImageSuccess { image { id url(width: 300) } product { id images { alt width } } }
  ... on ValidationError { field message }
} }"""
REMOVE = """mutation ($product: ID!, $image: ID!) { removeProductImage(productId: $product, imageId: $image) {
  ... on RemoveProductImageSuccess { product { images { alt } } }
} }"""
NewProduct = Callable[..., Awaitable[dict[str, Any]]]


async def upload(
    http: httpx.AsyncClient, account: Account, product: str, data: bytes, *, preflight: bool = True
) -> httpx.Response:
    operation = {"query": ADD, "variables": {"product": product, "image": None}}
    return await http.post(
        "/graphql",
        data={"operations": json.dumps(operation), "map": '{"0": ["variables.image"]}'},
        files={"0": ("a.jpg", data, "image/jpeg")},
        headers=account.headers | ({"apollo-require-preflight": "true"} if preflight else {}),
    )


async def test_images_come_by_rest_and_by_graphql_and_are_served_to_anybody(
    http: httpx.AsyncClient, admin: Account, new_product: NewProduct
) -> None:
    product = await new_product()
    # More than the mebibyte that other requests may have.
    large = jpeg(picture=Image.effect_noise((2400, 1800), 80), quality=95)
    assert len(large) > 2 * 1024 * 1024
    by_rest = await http.post(
        f"/api/v1/products/{product['id']}/images",
        files={"image": ("one.jpg", large, "image/jpeg")},
        data={"alt": "One"},
        headers=admin.headers,
    )
    assert by_rest.status_code == 201, by_rest.text
    first = by_rest.json()
    assert (first["alt"], first["width"], first["height"]) == ("One", 2048, 1536)

    answer = (await upload(http, admin, product["id"], encoded("PNG"))).json()
    added = answer["data"]["addProductImage"]
    assert added["product"]["images"] == [{"alt": "One", "width": 2048}, {"alt": "Two", "width": 800}]
    assert added["image"]["url"] == f"/api/v1/images/{added['image']['id']}?width=320"

    shown = await http.get(added["image"]["url"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(shown.content)).size == (320, 240)
    seen = await http.get(added["image"]["url"], headers={"if-none-match": shown.headers["etag"]})
    assert (seen.status_code, seen.content) == (304, b"")
    part = await http.get(added["image"]["url"], headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")

    read = (await http.get(f"/api/v1/products/{product['id']}")).json()
    assert read["images"] == [first["url"], f"/api/v1/images/{added['image']['id']}"]
    await http.post(
        "/graphql",
        json={"query": REMOVE, "variables": {"product": product["id"], "image": added["image"]["id"]}},
        headers=admin.headers,
    )
    assert (await http.get(f"/api/v1/products/{product['id']}")).json()["images"] == [first["url"]]
    assert (await http.get(added["image"]["url"])).status_code == 404


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SVG, "may hold scripts"),
        (bomb(9000, 9000), "more than 40 million pixels"),
        (jpeg() + b"PK\x03\x04", "something behind the end"),
        (b"just text", "no image of a kind that is taken"),
    ],
)
async def test_what_is_no_picture_is_refused_both_ways(
    http: httpx.AsyncClient, admin: Account, new_product: NewProduct, data: bytes, reason: str
) -> None:
    product = await new_product()
    result = (await upload(http, admin, product["id"], data)).json()["data"]["addProductImage"]
    assert (result["field"], reason in result["message"]) == ("image", True)
    url = f"/api/v1/products/{product['id']}/images"
    by_rest = await http.post(url, files={"image": ("a.jpg", data, "image/jpeg")}, headers=admin.headers)
    error = by_rest.json()["error"]
    assert (by_rest.status_code, error["field"], reason in error["message"]) == (422, "image", True)
    assert (await http.get(f"/api/v1/products/{product['id']}")).json()["images"] == []


async def test_a_form_that_a_tricked_browser_could_send_is_refused(
    http: httpx.AsyncClient, admin: Account, new_product: NewProduct
) -> None:
    product = await new_product()
    response = await upload(http, admin, product["id"], jpeg(), preflight=False)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_customer_adds_no_images(
    http: httpx.AsyncClient, customer: Account, new_product: NewProduct
) -> None:
    product = await new_product()
    response = await http.post(
        f"/api/v1/products/{product['id']}/images", files={"image": jpeg()}, headers=customer.headers
    )
    assert (response.status_code, response.json()["error"]["code"]) == (403, "FORBIDDEN")

"""Images over GraphQL: the multipart request as the subgraph takes it."""

import json
from typing import Any

import pytest

from subgraphs.products.domain.permissions import Permission
from tests.subgraphs.products.picture_files import SVG, encoded, jpeg, painted

ADD = """mutation ($product: ID!, $image: Upload!, $alt: String) {
  addProductImage(productId: $product, image: $image, alt: $alt) {
    __typename
    ... on AddProductImageSuccess {
      image { id alt width height url small: url(width: 100) wide: url(width: 700) huge: url(width: 4000) }
      product { id version images { id } }
    }
    ... on Error { code message }
    ... on ValidationError { field }
  }
}"""
REMOVE = """mutation ($product: ID!, $image: ID!) {
  removeProductImage(productId: $product, imageId: $image) {
    __typename
    ... on RemoveProductImageSuccess { product { id version images { id } } }
    ... on Error { code }
  }
}"""
PREFLIGHT = {"apollo-require-preflight": "1"}


@pytest.fixture
def upload(client):
    """Sends the mutation as a form; by a manager, unless another token is given."""

    async def send(
        product: str,
        data: bytes,
        *,
        alt: str | None = None,
        token: str | None = None,
        headers: dict[str, str] = PREFLIGHT,
        places: object = None,
    ) -> Any:
        variables = {"product": product, "image": None, "alt": alt}
        token = client.token(Permission.MANAGE_PRODUCTS) if token is None else token
        return await client.http.post(
            "/graphql",
            data={
                "operations": json.dumps({"query": ADD, "variables": variables}),
                "map": json.dumps({"0": ["variables.image"]} if places is None else places),
            },
            # What the sender says of the file counts for nothing.
            files={"0": ("../../evil.svg", data, "image/svg+xml")},
            headers={**headers, **({"authorization": f"Bearer {token}"} if token else {})},
        )

    return send


async def test_an_image_is_added_shown_and_removed(client, make, upload) -> None:
    product = await make()
    added = (await upload(product.id, jpeg(), alt="A mug")).json()["data"]["addProductImage"]
    image = added["image"]
    path = f"/api/v1/images/{image['id']}"
    assert added == {
        "__typename": "AddProductImageSuccess",
        "image": {
            "id": image["id"], "alt": "A mug", "width": 800, "height": 600,
            "url": path, "small": f"{path}?width=160", "wide": path, "huge": path,
        },
        "product": {"id": product.id, "version": 2, "images": [{"id": image["id"]}]},
    }  # fmt: skip
    query = "query ($id: ID!) { product(id: $id) { images { alt url(width: 320) } } }"
    shown = await client.run(query, id=product.id)
    assert shown["product"]["images"] == [{"alt": "A mug", "url": f"{path}?width=320"}]
    removed = await client.manage(REMOVE, product=product.id, image=image["id"])
    assert removed["removeProductImage"]["product"] == {"id": product.id, "version": 3, "images": []}
    assert (await client.http.get(path)).status_code == 404
    again = await client.manage(REMOVE, product=product.id, image=image["id"])
    assert again["removeProductImage"] == {"__typename": "NotFoundError", "code": "NOT_FOUND"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SVG, "An SVG, or a page, may hold scripts and is not taken"),
        (b"#!/bin/sh", "The file is no image of a kind that is taken"),
        (jpeg() + b"PK\x03\x04", "There is something behind the end of the JPEG"),
        (encoded("GIF"), "A GIF is not taken"),
        (bytes(8 * 1024 * 1024 + 1), "The file has more than 8192 KiB"),
    ],
)
async def test_a_file_that_is_not_taken_is_an_error_of_the_argument(
    make, upload, products, data: bytes, reason: str
) -> None:
    product = await make()
    result = (await upload(product.id, data)).json()["data"]["addProductImage"]
    assert (result["__typename"], result["field"]) == ("ValidationError", "image")
    assert reason in result["message"]
    assert (await products.get_many([product.id]))[0] == product


async def test_who_may_not_change_products_may_not_add_images(client, make, upload) -> None:
    product = await make()
    for token, error in (("", "AuthenticationError"), (client.token(), "PermissionError")):
        result = (await upload(product.id, jpeg(), token=token)).json()["data"]["addProductImage"]
        assert result["__typename"] == error


@pytest.mark.parametrize("header", [*PREFLIGHT, "x-apollo-operation-name", "x-graphql-require-preflight"])
async def test_a_form_needs_a_header_that_no_form_can_have(make, upload, products, header: str) -> None:
    product = await make()
    refused = await upload(product.id, jpeg(picture=painted(20, 20)), headers={})
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "needs the header apollo-require-preflight" in error["message"]
    assert (await products.get_many([product.id]))[0] == product
    taken = await upload(product.id, jpeg(picture=painted(20, 20)), headers={header: "x"})
    assert taken.json()["data"]["addProductImage"]["image"]["width"] == 20


@pytest.mark.parametrize(
    "places",
    [{"1": ["variables.image"]}, {"0": ["nowhere.image"]}, {"0": ["variables.image.deep"]}, {"0": 1}, [], 7],
)
async def test_a_map_that_fits_nothing_is_a_bad_request(make, upload, places: object) -> None:
    response = await upload((await make()).id, jpeg(), places=places)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_form_of_many_parts_is_a_bad_request(client) -> None:
    files = {str(n): b"x" for n in range(11)}
    response = await client.http.post("/graphql", files=files, headers=PREFLIGHT)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "Too many files. Maximum number of files is 10."


async def test_a_file_cannot_stand_in_json(client, make) -> None:
    product = await make()
    token = client.token(Permission.MANAGE_PRODUCTS)
    error = await client.error(ADD, token, product=product.id, image="data:image/png;base64,AAAA")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "must be a file, sent as multipart/form-data" in error["message"]
    literal = f'mutation {{ addProductImage(productId: "{product.id}", image: "x") {{ __typename }} }}'
    error = await client.error(literal, token)
    assert "must be a file, sent as multipart/form-data" in error["message"]


async def test_only_forms_may_be_larger_than_a_mebibyte(client) -> None:
    response = await client.post("{" + " " * 1024 * 1024 + "}")
    assert response.status_code == 413
    too_large = await client.http.post(
        "/graphql", files={"0": bytes(8 * 1024 * 1024 + 70_000)}, headers=PREFLIGHT
    )
    assert too_large.status_code == 413


async def test_a_width_that_is_impossible_is_refused(client, make, upload) -> None:
    product = await make()
    await upload(product.id, jpeg())
    query = "query ($id: ID!) { product(id: $id) { images { url(width: 0) } } }"
    error = await client.error(query, id=product.id)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("VALIDATION_FAILED", "width")

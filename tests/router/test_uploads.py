"""Files on their way: through the router, to the subgraph, and only from who could not be tricked into sending them."""

import hashlib
import json
from typing import Any

import httpx
import pytest

from tests.router.processes import MAX_BODY, MAX_UPLOAD, Process, Starter
from tests.router.recording_subgraphs import SEEN
from tests.router.servers import Rest

PICTURE = "mutation Picture($id: ID!, $file: Upload!) { picture(id: $id, file: $file) { id name } }"
PREFLIGHT = {"apollo-require-preflight": "true"}


def upload(server: Process, content: bytes, path: str = "/graphql", **headers: str) -> httpx.Response:
    operation = {"query": PICTURE, "operationName": "Picture", "variables": {"id": "p1", "file": None}}
    parts: dict[str, Any] = {"operations": json.dumps(operation), "map": '{"0": ["variables.file"]}'}
    return httpx.post(
        server.url + path,
        data=parts,
        files={"0": ("a.png", content, "image/png")},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_a_file_reaches_the_subgraph_whole_with_the_headers_of_its_sender(router: Process) -> None:
    content = bytes(range(256)) * 1000
    response = upload(router, content, **PREFLIGHT, authorization="Bearer t", x_request_id="r-9")
    assert response.json() == {"data": {"picture": {"id": "p1", "name": "pictured"}}}
    assert SEEN["products"].calls == [f"picture p1 256000 {hashlib.sha256(content).hexdigest()}"]
    (seen,) = SEEN["products"].requests
    assert seen["content-type"].startswith("multipart/form-data; boundary=")
    assert (seen["authorization"], seen["x-request-id"]) == ("Bearer t", "r-9")
    assert seen["apollo-require-preflight"] == "true"


@pytest.mark.parametrize(
    "name", ["apollo-require-preflight", "x-apollo-operation-name", "x-graphql-require-preflight"]
)
def test_each_header_that_needs_a_preflight_will_do(router: Process, name: str) -> None:
    assert upload(router, b"x", **{name: "1"}).json()["data"]["picture"]["id"] == "p1"


def test_a_form_that_any_page_could_have_sent_is_refused(router: Process) -> None:
    response = upload(router, b"x", authorization="Bearer t")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "apollo-require-preflight" in error["message"]
    assert SEEN["products"].requests == []


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "text/plain", "Text/Plain; charset=utf-8"]
)
def test_so_is_an_operation_in_any_other_type_that_a_page_could_send(router: Process, media: str) -> None:
    response = httpx.post(
        f"{router.url}/graphql",
        content=b"query=mutation%20%7B%20rename(username%3A%20%22x%22)%20%7B%20id%20%7D%20%7D",
        headers={"content-type": media},
    )
    assert (response.status_code, SEEN["users"].requests) == (400, [])


def test_a_form_may_be_larger_than_other_requests_up_to_its_own_limit(router: Process) -> None:
    assert upload(router, bytes(MAX_BODY * 2), **PREFLIGHT).status_code == 200
    response = upload(router, bytes(MAX_UPLOAD), **PREFLIGHT)
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    assert len(SEEN["products"].requests) == 1


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"operations": "{", "map": "{}"},
        {"operations": "[1]", "map": "{}"},
        {
            "operations": json.dumps({"query": PICTURE, "variables": {"id": "p1"}}),
            "map": '{"9": ["variables.file"]}',
        },
        {
            "operations": json.dumps({"query": PICTURE, "variables": {"id": "p1", "file": "text"}}),
            "map": "{}",
        },
    ],
)
def test_a_form_that_is_no_request_is_answered_with_an_error(router: Process, parts: dict[str, str]) -> None:
    response = httpx.post(f"{router.url}/graphql", data=parts, files={"0": b"x"}, headers=PREFLIGHT)
    assert response.json()["errors"][0]["message"]
    assert SEEN["products"].calls == []


# ---- at the edge -----------------------------------------------------------------------------------------------


def rest_upload(edge: Process, size: int, path: str = "/api/v1/products/p1/images") -> httpx.Response:
    return httpx.post(edge.url + path, files={"image": ("a.png", bytes(size), "image/png")})


def test_an_upload_passes_the_edge_up_to_its_own_limit(edge: Process, rest: Rest) -> None:
    assert upload(edge, bytes(MAX_BODY * 2), **PREFLIGHT).json()["data"]["picture"]["id"] == "p1"
    assert rest_upload(edge, MAX_BODY * 2).json() == {"path": "/api/v1/products/p1/images"}
    taken = len(rest.requests)
    for refused in (upload(edge, bytes(MAX_UPLOAD), **PREFLIGHT), rest_upload(edge, MAX_UPLOAD)):
        assert refused.status_code == 413
        assert f"a form with a file may have {MAX_UPLOAD} bytes" in refused.text
    assert len(rest.requests) == taken
    assert len(SEEN["products"].requests) == 1


def test_the_larger_limit_is_for_forms_where_files_are_taken_alone(edge: Process) -> None:
    for path in ("/api/v1/products", "/api/v1/products/p1", "/api/v1/products/p1/images/x", "/api/v1/orders"):
        assert rest_upload(edge, MAX_BODY + 1, path).status_code == 413
    as_json = {"content-type": "application/json"}
    for path in ("/graphql", "/api/v1/products/p1/images"):
        assert httpx.post(edge.url + path, content=bytes(MAX_BODY + 1), headers=as_json).status_code == 413


def test_images_come_from_the_products_service(edge: Process, rest: Rest) -> None:
    asked = len(rest.requests)
    image = httpx.get(f"{edge.url}/api/v1/images/i1?width=320")
    assert (image.content, image.headers["content-type"], image.headers["etag"]) == (
        b"RIFF",
        "image/webp",
        '"strong"',
    )
    assert image.headers["x-content-type-options"] == "nosniff"
    assert SEEN["products"].calls == ["/api/v1/images/i1?width=320"]
    assert len(rest.requests) == asked


def test_a_page_of_images_leaves_the_limit_of_the_api_alone(start_edge: Starter) -> None:
    edge = start_edge(RATE_LIMIT_PER_MINUTE=1, RATE_LIMIT_BURST=2)
    images = [httpx.get(f"{edge.url}/api/v1/images/i{n}").status_code for n in range(3)]
    products = [httpx.get(f"{edge.url}/api/v1/products").status_code for n in range(3)]
    assert (images, products) == ([200, 200, 429], [200, 200, 429])

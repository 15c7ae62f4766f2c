"""Images over REST: a form becomes a GraphQL multipart request."""

import httpx
import pytest

from clients.rest.settings import UploadSettings
from tests.clients.rest import sample_objects
from tests.clients.rest.stub_router import StubRouter, answering, problem

URL = "/api/v1/products/p1/images"
FILE = {"image": ("../a.svg", b"\x89PNG bytes", "image/svg+xml")}
LIMIT = UploadSettings().max_bytes


@pytest.fixture
def router(router: StubRouter) -> StubRouter:
    router.roots["addProductImage"] = {
        "__typename": "AddProductImageSuccess",
        "image": sample_objects.image(alt="A mug"),
    }
    return router


async def test_an_image_is_sent_on_and_answered_with_its_address(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    response = await client.post(URL, files=FILE, data={"alt": "A mug"})
    assert response.status_code == 201
    assert response.json() == {
        "id": "i1", "url": "/api/v1/images/i1", "alt": "A mug", "width": 800, "height": 600,
    }  # fmt: skip
    assert response.headers["location"] == "/api/v1/images/i1"
    (sent,) = router.sent
    assert sent.operation == "AddProductImage"
    assert sent.variables == {"productId": "p1", "image": b"\x89PNG bytes", "alt": "A mug"}
    assert sent.headers["authorization"] == "Bearer a.b.c"
    assert sent.headers["x-request-id"] == response.headers["x-request-id"]


async def test_a_text_in_its_place_may_be_left_out(client: httpx.AsyncClient, router: StubRouter) -> None:
    assert (await client.post(URL, files=FILE)).status_code == 201
    assert router.sent[0].variables == {"productId": "p1", "image": b"\x89PNG bytes"}


@pytest.mark.parametrize(
    ("typename", "code", "status"),
    [
        ("ValidationError", "VALIDATION_FAILED", 422),
        ("NotFoundError", "NOT_FOUND", 404),
        ("ConflictError", "CONFLICT", 409),
        ("PermissionError", "FORBIDDEN", 403),
    ],
)
async def test_a_refusal_is_the_documented_one(
    client: httpx.AsyncClient, router: StubRouter, typename: str, code: str, status: int
) -> None:
    fields = {"field": "image"} if typename == "ValidationError" else {}
    router.roots["addProductImage"] = problem(typename, code, **fields)
    response = await client.post(URL, files=FILE)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"].get("field") == fields.get("field")


async def test_without_a_token_nothing_is_sent_on(anonymous: httpx.AsyncClient, router: StubRouter) -> None:
    assert (await anonymous.post(URL, files=FILE)).status_code == 401
    assert router.sent == []


@pytest.mark.parametrize(
    ("data", "files", "field"),
    [
        ({}, {"picture": b"x"}, "image"),
        ({"image": "text"}, {"other": b"x"}, "image"),
        ({"alt": "a" * 501}, FILE, "alt"),
        ({"alt": "\x07"}, FILE, "alt"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused(
    client: httpx.AsyncClient, router: StubRouter, data: dict[str, str], files: dict[str, bytes], field: str
) -> None:
    response = await client.post(URL, data=data, files=files)
    assert (response.status_code, response.json()["error"]["field"]) == (422, field)
    assert router.sent == []


@pytest.mark.parametrize(
    "media", ["application/json", "image/png", "application/x-www-form-urlencoded", None]
)
async def test_what_is_no_form_is_refused(
    client: httpx.AsyncClient, router: StubRouter, media: str | None
) -> None:
    headers = {"content-type": media} if media else {}
    response = await client.post(URL, content=b"\x89PNG", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert router.sent == []


async def test_a_form_that_cannot_be_parsed_is_malformed(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = await client.post(URL, content=b"nonsense", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "MALFORMED_REQUEST")
    many = await client.post(URL, files={str(n): b"x" for n in range(11)})
    assert (many.status_code, many.json()["error"]["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_file_has_a_limit_of_its_own(
    client: httpx.AsyncClient, router: StubRouter, *, chunked: bool
) -> None:
    large = {"image": ("a.png", bytes(2 * 1024 * 1024), "image/png")}
    assert (await client.post(URL, files=large)).status_code == 201
    assert len(router.sent[0].variables["image"]) == 2 * 1024 * 1024
    request = client.build_request("POST", URL, files={"image": ("a.png", bytes(LIMIT), "image/png")})
    content, headers = await request.aread(), {"content-type": request.headers["content-type"]}

    async def pieces():
        yield content

    refused = await client.post(URL, content=pieces() if chunked else content, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    elsewhere = await client.post("/api/v1/products", files=large)
    assert elsewhere.status_code == 413
    assert len(router.sent) == 1


async def test_an_upload_that_was_cut_off_is_not_sent_again(
    client: httpx.AsyncClient, router: StubRouter
) -> None:
    router.respond = answering(502)
    response = await client.post(URL, files=FILE)
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert len(router.sent) == 1

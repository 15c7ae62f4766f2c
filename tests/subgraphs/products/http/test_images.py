"""Images as browsers and caches ask for them."""

import hashlib
import io

import pytest
from PIL import Image

from tests.subgraphs.products.picture_files import encoded, painted
from tests.subgraphs.products.service.test_images import File

NOBODY = "0192d000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
async def path(services, manager, make) -> str:
    """Of an image of 800 by 600 pixels with fine detail."""
    product = await make()
    noise = encoded("PNG", painted().effect_spread(300))
    _, image = await services.images.add(manager, product.id, upload=File(noise), alt=None)
    return f"/api/v1/images/{image.id}"


async def test_an_image_is_answered_for_good_and_as_nothing_else(client, path) -> None:
    answer = await client.http.get(path)
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == (800, 600)
    etag = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    expected = {
        "content-type": "image/webp",
        "content-length": str(len(answer.content)),
        "etag": etag,
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "cross-origin",
        "accept-ranges": "bytes",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("asked", "width"), [(1, 160), (160, 160), (161, 320), (640, 640), (641, 800), (9999, 800)]
)
async def test_a_width_is_served_by_the_next_that_is_kept(client, path, asked: int, width: int) -> None:
    answer = await client.http.get(path, params={"width": asked})
    assert Image.open(io.BytesIO(answer.content)).size == (width, width * 3 // 4)


@pytest.mark.parametrize("width", ["0", "16385", "-1", "x", "", "1e3", "²"])
async def test_an_impossible_width_is_refused(client, path, width: str) -> None:
    answer = await client.http.get(path, params={"width": width})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_FAILED")
    assert answer.json()["error"]["field"] == "width"


@pytest.mark.parametrize("name", [NOBODY, "x", f"{NOBODY}:160", "%24ne"])
async def test_what_is_not_there_is_not_found(client, name: str) -> None:
    answer = await client.http.get(f"/api/v1/images/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "cache-control" not in answer.headers


async def test_a_variant_is_reached_by_its_width_alone(client, path) -> None:
    assert (await client.http.get(f"{path}:160")).status_code == 404


async def test_who_has_it_is_told_so(client, path) -> None:
    whole = await client.http.get(path)
    etag = whole.headers["etag"]
    for condition in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = await client.http.get(path, headers={"if-none-match": condition})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    other = await client.http.get(path, headers={"if-none-match": '"other"'})
    assert other.content == whole.content
    small = await client.http.get(path, params={"width": 160}, headers={"if-none-match": etag})
    assert small.status_code == 200


async def test_a_head_has_the_headers_alone(client, path) -> None:
    head, whole = await client.http.head(path), await client.http.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, None), ("bytes=-7", -7, None), ("bytes=5-99999999", 5, None)],
)
async def test_a_part_is_answered_as_a_part(client, path, asked: str, start: int, end: int | None) -> None:
    whole = (await client.http.get(path)).content
    answer = await client.http.get(path, headers={"range": asked})
    expected = whole[start:end]
    first = start % len(whole)
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=99999999-999999999"])
async def test_a_part_behind_the_end_cannot_be_had(client, path, asked: str) -> None:
    size = len((await client.http.get(path)).content)
    answer = await client.http.get(path, headers={"range": asked})
    assert (answer.status_code, answer.json()["error"]["code"]) == (416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=a-b"])
async def test_what_is_no_single_range_is_answered_whole(client, path, asked: str) -> None:
    answer = await client.http.get(path, headers={"range": asked})
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(answer.content))


async def test_a_part_of_another_version_is_not_given(client, path) -> None:
    etag = (await client.http.get(path)).headers["etag"]
    part = await client.http.get(path, headers={"range": "bytes=0-9", "if-range": etag})
    whole = await client.http.get(path, headers={"range": "bytes=0-9", "if-range": '"other"'})
    assert (part.status_code, whole.status_code) == (206, 200)


async def test_images_are_read_only(client, path) -> None:
    assert (await client.http.post(path)).status_code == 405

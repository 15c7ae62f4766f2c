import io

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from subgraphs.products.domain.images import Rendering
from subgraphs.products.images.formats import RefusedImageError
from subgraphs.products.images.rendering import render
from tests.subgraphs.products.picture_files import (
    BLUE,
    GREEN,
    RED,
    animation,
    bomb,
    encoded,
    jpeg,
    painted,
)

MAX_PIXELS = 4_000_000


def opened(rendering: Rendering, number: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(rendering.variants[number].data))


def close_to(found: object, colour: tuple[int, ...], *, within: int = 12) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) <= within for a, b in zip(found, colour, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_image_is_written_anew_in_each_width_below_its_own(kind: str) -> None:
    rendering = render(encoded(kind), max_pixels=MAX_PIXELS)
    assert (rendering.width, rendering.height) == (800, 600)
    assert [variant.width for variant in rendering.variants] == [800, 160, 320, 640]
    assert [opened(rendering, n).size for n in range(4)] == [(800, 600), (160, 120), (320, 240), (640, 480)]
    assert {opened(rendering, n).format for n in range(4)} == {"WEBP"}
    small = opened(rendering, 1).convert("RGB")
    corners = [small.getpixel(at) for at in ((10, 10), (150, 10), (10, 110))]
    assert all(close_to(found, c) for found, c in zip(corners, (RED, GREEN, BLUE), strict=True))


def test_a_large_image_is_made_smaller() -> None:
    rendering = render(jpeg(picture=painted(2600, 1300)), max_pixels=MAX_PIXELS)
    assert (rendering.width, rendering.height) == (2048, 1024)


def test_transparency_is_kept() -> None:
    small = opened(render(encoded("PNG", painted(mode="RGBA")), max_pixels=MAX_PIXELS), 1)
    assert small.mode == "RGBA"
    assert small.getpixel((150, 5))[3] == 0
    assert small.getpixel((5, 5))[3] == 255


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16", "LA"])
def test_every_kind_of_pixel_is_shown(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    picture = Image.new("I;16", (300, 200), 40_000) if mode == "I;16" else painted(300, 200, mode)
    found = opened(render(encoded(kind, picture), max_pixels=MAX_PIXELS))
    assert (found.size, found.mode) == ((300, 200), "RGB" if mode != "LA" else found.mode)


def test_a_turned_picture_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right-hand side
    rendering = render(jpeg(exif=exif), max_pixels=MAX_PIXELS)
    assert (rendering.width, rendering.height) == (600, 800)
    assert close_to(opened(rendering).convert("RGB").getpixel((590, 10)), RED)


def test_nothing_but_the_picture_is_kept() -> None:
    secret = b"<script>alert('here lives Ada')</script>"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", secret.decode())
    text.add_itxt("XML:com.adobe.xmp", secret.decode())
    files = [
        jpeg(exif=exif, comment=secret, xmp=secret),
        encoded("PNG", pnginfo=text, exif=exif),
        encoded("WEBP", exif=exif, xmp=secret),
    ]
    for data in files:
        assert secret in data
        rendering = render(data, max_pixels=MAX_PIXELS)
        for number, variant in enumerate(rendering.variants):
            assert b"script" not in variant.data
            assert not {b"EXIF", b"XMP ", b"ICCP"} & {variant.data[i : i + 4] for i in range(12, 64)}
            assert opened(rendering, number).getexif() == {}


def test_colours_of_another_profile_are_those_of_the_web() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = opened(render(jpeg(icc_profile=lab), max_pixels=MAX_PIXELS)).convert("RGB")
    assert close_to(found.getpixel((10, 10)), RED)
    broken = opened(render(jpeg(icc_profile=b"no profile"), max_pixels=MAX_PIXELS)).convert("RGB")
    assert close_to(broken.getpixel((10, 10)), RED)


@pytest.mark.parametrize(("width", "height"), [(2001, 2000), (30_001, 1), (1, 30_001)])
def test_too_many_pixels_are_refused_before_one_is_decoded(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    data = bomb(width, height)
    assert len(data) < 20_000
    with pytest.raises(RefusedImageError, match="more than 4 million pixels, or an edge of more than 30000"):
        render(data, max_pixels=MAX_PIXELS)


def test_a_bomb_that_pillow_refuses_itself_is_refused_alike() -> None:
    with pytest.raises(RefusedImageError, match="more than 4 million pixels"):
        render(bomb(20_000, 20_000), max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind: str) -> None:
    with pytest.raises(RefusedImageError, match="An animated image is not taken"):
        render(animation(kind), max_pixels=MAX_PIXELS)

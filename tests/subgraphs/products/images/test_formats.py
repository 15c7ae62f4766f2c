import pytest

from subgraphs.products.images.formats import Format, RefusedImageError, detect
from tests.subgraphs.products.picture_files import (
    SVG,
    animation,
    encoded,
    jpeg,
    painted,
    png_chunk,
)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (jpeg(), Format.JPEG),
        (jpeg(progressive=True), Format.JPEG),
        (jpeg(restart_marker_rows=1), Format.JPEG),
        (encoded("PNG"), Format.PNG),
        (encoded("PNG", painted(mode="RGBA")), Format.PNG),
        (encoded("WEBP"), Format.WEBP),
        (encoded("WEBP", painted(mode="RGBA"), lossless=True), Format.WEBP),
        (jpeg() + bytes(64), Format.JPEG),
    ],
)
def test_format_is_told_by_content(data: bytes, found: Format) -> None:
    assert detect(data) is found


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty."),
        (SVG, "An SVG, or a page, may hold scripts"),
        (b"\xef\xbb\xbf \n<SVG onload=alert(1)>", "An SVG, or a page, may hold scripts"),
        (b"<!DOCTYPE html><p>", "An SVG, or a page, may hold scripts"),
        (animation("GIF"), "A GIF is not taken"),
        (b"\0\0\0\x18ftypheic", "HEIC, AVIF and videos are not taken"),
        (b"%PDF-1.7 ...", "no image of a kind that is taken"),
        (b"MZ\x90\0", "no image of a kind that is taken"),
        (encoded("BMP"), "no image of a kind that is taken"),
        (animation("PNG"), "An animated image is not taken"),
    ],
)
def test_anything_else_is_refused_with_what_to_send(data: bytes, reason: str) -> None:
    with pytest.raises(RefusedImageError) as refused:
        detect(data)
    assert reason in refused.value.message


ARCHIVE = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("other", [ARCHIVE, b"<script>alert(1)</script>", b"%PDF-1.7", jpeg()])
def test_a_polyglot_is_refused(kind: str, other: bytes) -> None:
    with pytest.raises(RefusedImageError, match=f"something behind the end of the {kind}"):
        detect(encoded(kind) + other)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_is_cut_off_is_refused(kind: str) -> None:
    data = encoded(kind)
    for length in (13, len(data) // 2, len(data) - 2):
        with pytest.raises(RefusedImageError, match=f"The {kind} is cut off or damaged"):
            detect(data[:length])


def test_the_end_of_a_thumbnail_within_metadata_is_not_the_images() -> None:
    inner = jpeg()
    segment = b"\xff\xe1" + (2 + len(inner)).to_bytes(2, "big") + inner
    whole = jpeg()
    assert detect(whole[:2] + segment + whole[2:]) is Format.JPEG


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    whole = jpeg(progressive=True)
    start = whole.index(b"\xff\xda")
    scans = whole[start:-2]
    with pytest.raises(RefusedImageError, match="more than 64 scans"):
        detect(whole[:start] + scans * 40 + whole[-2:])


def test_unknown_chunks_do_not_hide_the_end() -> None:
    data = encoded("PNG")
    assert detect(data[:33] + png_chunk(b"prVt", b"IEND" * 3) + data[33:]) is Format.PNG

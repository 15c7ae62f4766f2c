"""Files as people, and those who mean harm, upload them."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)


def painted(width: int = 800, height: int = 600, mode: str = "RGB") -> Image.Image:
    """Red at the top left, blue below, green to the right; transparent at the top right, where `mode` can be."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture = picture.convert(mode)
    if mode == "RGBA":
        picture.paste((0, 0, 0, 0), (width * 3 // 4, 0, width, height // 4))
    return picture


def encoded(kind: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    (painted() if picture is None else picture).save(out, kind, **options)
    return out.getvalue()


def jpeg(**options: Any) -> bytes:
    return encoded("JPEG", **options)


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of `width` by `height` black pixels in a few kilobytes."""
    compressor = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND")


def animation(kind: str) -> bytes:
    frames = [painted(40, 30), painted(40, 30).rotate(180)]
    return encoded(kind, frames[0], save_all=True, append_images=frames[1:])


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(document.domain)</script></svg>'

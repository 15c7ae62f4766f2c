"""Which format a file really has, by its content alone, and whether the image is all that it holds.

A file may be two things at once: a JPEG to a decoder of images, an archive or a page to something else. Such a
polyglot has its other half behind the image's end, so the end is looked for, and nothing may follow it. What hides
within the image (comments, profiles, chunks that nobody knows) is not kept: an image is always written anew.
"""

import re
from enum import StrEnum

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|!--|svg|html|script)", re.IGNORECASE)

_MAX_SCANS = 64
"""Of a progressive JPEG; encoders make about ten. Each one is a pass over all pixels, however few bytes it has."""
_MARKER = 0xFF
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
# Markers without a length: RST0 to RST7, and TEM.
_BARE = frozenset({*range(0xD0, 0xD8), 0x01})
_STUFFED = 0x00


class Format(StrEnum):
    """By the names that Pillow has for them."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"


class RefusedImageError(Exception):
    """The file is not taken; the message tells its sender why, and what to send."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def detect(data: bytes) -> Format:
    """The format of `data`, which is one whole image and nothing else. Raises RefusedImageError."""
    if data.startswith(_JPEG):
        found, end = Format.JPEG, _jpeg_end(data)
    elif data.startswith(_PNG):
        found, end = Format.PNG, _png_end(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found, end = Format.WEBP, 8 + int.from_bytes(data[4:8], "little")
    else:
        raise RefusedImageError(_unknown(data))
    if end is None or end > len(data):
        raise RefusedImageError(f"The {found.value} is cut off or damaged; send the whole file.")
    # Some cameras fill up with zeros.
    if data[end:].strip(b"\0"):
        raise RefusedImageError(
            f"There is something behind the end of the {found.value}; send a file that holds an image alone."
        )
    return found


def _unknown(data: bytes) -> str:
    if not data:
        return "The file is empty."
    if _MARKUP.match(data):
        return "An SVG, or a page, may hold scripts and is not taken; send a JPEG, PNG or WebP image."
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "A GIF is not taken; send a JPEG, PNG or WebP image."
    if data[4:8] == b"ftyp":
        return "HEIC, AVIF and videos are not taken; send a JPEG, PNG or WebP image."
    return "The file is no image of a kind that is taken: JPEG, PNG or WebP."


def _png_end(data: bytes) -> int | None:
    """Where the IEND chunk ends (PNG specification, 5.3); None without one. Raises RefusedImageError."""
    at = len(_PNG)
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + size
        if kind == b"acTL":
            raise RefusedImageError("An animated image is not taken; send one picture.")
        if kind == b"IEND":
            return at
    return None


def _jpeg_end(data: bytes) -> int | None:
    """Where the marker EOI ends (ITU-T T.81, B.1.1); None without one. Raises RefusedImageError."""
    at, scans = 2, 0
    while at + 2 <= len(data):
        if data[at] != _MARKER:
            return None
        marker = data[at + 1]
        if marker == _MARKER:  # a fill byte
            at += 1
        elif marker == _END_OF_IMAGE:
            return at + 2
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
            if marker == _START_OF_SCAN:
                scans += 1
                at = _scan_end(data, at)
        if scans > _MAX_SCANS:
            raise RefusedImageError(f"The JPEG has more than {_MAX_SCANS} scans; save it anew and send that.")
    return None


def _scan_end(data: bytes, at: int) -> int:
    """The next marker behind the entropy-coded bytes, in which FF is followed by 00 or a restart marker."""
    while (at := data.find(b"\xff", at)) != -1:
        if at + 1 < len(data) and data[at + 1] != _STUFFED and data[at + 1] not in _BARE:
            return at
        at += 2
    return len(data)

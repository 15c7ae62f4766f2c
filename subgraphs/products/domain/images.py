"""Images of products: what is known of one, and the sizes in which it is served."""

from dataclasses import dataclass
from typing import NewType

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.text import clean

ImageId = NewType("ImageId", str)

MAX_ALT = 500
WIDTHS = (160, 320, 640, 1280)
"""Pixels across of the smaller variants; an image has those that are narrower than it is itself."""
MAX_EDGE = 2048
"""Pixels of the longer edge, to which a larger upload is made smaller."""
MEDIA_TYPE = "image/webp"
MAX_ASKED_WIDTH = 16_384
"""Far beyond any screen; who asks for more is mistaken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`width` and `height` are in pixels, of the largest size that is kept; `alt` is text in the image's place."""

    id: ImageId
    alt: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Variant:
    """One size of an image: its width in pixels, and the file."""

    width: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Rendering:
    """An image in all its sizes as WebP files, the full one of `width` by `height` pixels first."""

    width: int
    height: int
    variants: tuple[Variant, ...]


def clean_alt(value: str | None) -> str | None:
    """Raises ValidationFailed for a text that is too long or holds control characters; blank is None."""
    if value is None or not value.strip():
        return None
    return clean(value, field="alt", at_most=MAX_ALT)


def served_width(asked: int) -> int | None:
    """The width among WIDTHS that serves `asked` pixels without being enlarged; None where only the full size does.

    So that a picture has a handful of addresses, however many widths are asked for. Raises ValidationFailed.
    """
    if not 1 <= asked <= MAX_ASKED_WIDTH:
        raise ValidationFailed(f"width must be from 1 to {MAX_ASKED_WIDTH}", field="width")
    return next((width for width in WIDTHS if width >= asked), None)


def image_path(image: Image, *, width: int | None = None) -> str:
    """Where the image is served, as a path below the address of the API.

    Raises ValidationFailed for a width that no image has.
    """
    variant = None if width is None else served_width(width)
    path = f"/api/v1/images/{image.id}"
    return path if variant is None or variant >= image.width else f"{path}?width={variant}"

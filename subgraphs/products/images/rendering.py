"""From an uploaded file to the WebP files that are kept: upright, in sRGB, without metadata, in several sizes."""

import io
import warnings
from collections.abc import Iterator

from PIL import Image, ImageCms, ImageOps

from subgraphs.products.domain.images import MAX_EDGE, WIDTHS, Rendering, Variant
from subgraphs.products.images.formats import RefusedImageError, detect

_LONGEST_EDGE = 30_000
_QUALITY = 82
_EFFORT = 4  # of 6; more costs twice the time for a few per cent


def render(data: bytes, *, max_pixels: int) -> Rendering:
    """Decode `data` and write it anew.

    Its size is read from the header and judged before a pixel is decoded. Raises RefusedImageError, and whatever
    the decoder raises for a file that is damaged: run it where that does no harm.
    """
    found = detect(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(data), formats=(found.value,))
        except Image.DecompressionBombError as error:
            raise _too_large(max_pixels) from error
    if picture.width * picture.height > max_pixels or max(picture.size) > _LONGEST_EDGE:
        raise _too_large(max_pixels)
    if getattr(picture, "is_animated", False):
        raise RefusedImageError("An animated image is not taken; send one picture.")
    # A JPEG is decoded at the size that is needed; the others know no such thing.
    picture.draft(None, (MAX_EDGE, MAX_EDGE))
    return encode(_plain(picture))


def encode(picture: Image.Image) -> Rendering:
    """The files of `picture`, which is RGB or RGBA."""
    if max(picture.size) > MAX_EDGE:
        picture = ImageOps.contain(picture, (MAX_EDGE, MAX_EDGE), Image.Resampling.LANCZOS)
    variants = tuple(Variant(sized.width, _webp(sized)) for sized in _sizes(picture))
    return Rendering(picture.width, picture.height, variants)


def _too_large(max_pixels: int) -> RefusedImageError:
    return RefusedImageError(
        f"The image has more than {max_pixels // 1_000_000} million pixels, or an edge of more than "
        f"{_LONGEST_EDGE}; send a smaller one."
    )


def _plain(picture: Image.Image) -> Image.Image:
    """`picture` as a browser would show it, in RGB or RGBA."""
    picture = _srgb(ImageOps.exif_transpose(picture))
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _srgb(picture: Image.Image) -> Image.Image:
    """In the colours of the web; one whose profile cannot be used stays as it is."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in {"RGB", "RGBA", "CMYK", "L"}:
        return picture
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return picture
    return picture if converted is None else converted


def _sizes(picture: Image.Image) -> Iterator[Image.Image]:
    yield picture
    for width in WIDTHS:
        if width < picture.width:
            height = max(1, round(picture.height * width / picture.width))
            yield picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    # Whatever came with the upload stays behind: neither EXIF nor XMP nor a profile is passed on.
    picture.save(out, "WEBP", quality=_QUALITY, method=_EFFORT, exif=b"", xmp=b"", icc_profile=b"")
    return out.getvalue()

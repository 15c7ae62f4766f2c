"""Text as the catalogue keeps it: cleaned, folded for comparison, and turned into slugs, SKUs and tags."""

import re
import secrets
import unicodedata
from collections.abc import Iterable

from subgraphs.kit.errors import ValidationFailed

MAX_TAGS = 20
MAX_TAG = 40
MAX_SLUG = 100
MAX_DESCRIPTION = 5000

# Trimming, collapsing and composing make a text shorter, by this factor at the most that anybody needs. What is
# longer is refused by its length alone: to normalise a megabyte takes a second.
_SLACK = 4

# Crockford's base 32 without vowels: no character is mistaken for another and no word appears by accident.
_SKU_ALPHABET = "0123456789BCDFGHJKMNPQRSTVWXYZ"
_SKU = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?")


def clean(value: str, *, field: str, at_most: int, lines: bool = False) -> str:
    """`value` in NFC, trimmed, with inner white space collapsed; line breaks stay where `lines` says so.

    Raises ValidationFailed when nothing is left, when more than `at_most` characters are, or for a
    control character.
    """
    _refuse_excess(value, field=field, at_most=at_most)
    text = unicodedata.normalize("NFC", value).strip()
    text = re.sub(r"[^\S\n]+", " ", text.replace("\r\n", "\n")) if lines else re.sub(r"\s+", " ", text)
    if not text:
        raise ValidationFailed(f"{field} must not be empty", field=field)
    if len(text) > at_most:
        raise ValidationFailed(f"{field} may have at most {at_most} characters, not {len(text)}", field=field)
    if any(unicodedata.category(c) == "Cc" and c != "\n" for c in text):
        raise ValidationFailed(f"{field} must not hold control characters", field=field)
    return text


def clean_description(value: str | None) -> str | None:
    """The text, or None where it is blank: a form sends an empty field as an empty string."""
    if value is None or not value.strip():
        return None
    return clean(value, field="description", at_most=MAX_DESCRIPTION, lines=True)


def _refuse_excess(value: str, *, field: str, at_most: int) -> None:
    if len(value) > at_most * _SLACK:
        raise ValidationFailed(
            f"{field} may have at most {at_most} characters, not {len(value)}", field=field
        )


def fold(text: str) -> str:
    """`text` without case, accents and repeated spaces: what names are compared and sorted by.

    One character may become 18, so this is for text whose length has been checked.
    """
    # Decomposed before folding too: a letter in a style of its own has a case only after that (Unicode 3.13, D147).
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def slugify(text: str) -> str:
    """`text` as one path segment of letters, digits and hyphens; empty when it has neither letter nor digit."""
    return re.sub(r"[\W_]+", "-", fold(text)).strip("-")


def clean_slug(value: str, *, field: str = "slug") -> str:
    """`value`, which must be a slug already. Raises ValidationFailed with the slug that it could be."""
    _refuse_excess(value, field=field, at_most=MAX_SLUG)
    proper = slugify(value)[:MAX_SLUG].strip("-")
    if not proper:
        raise ValidationFailed(f"{field} needs at least one letter or digit", field=field)
    if value != proper:
        raise ValidationFailed(f"{field} {value!r} is not a slug; {proper!r} is one", field=field)
    return value


def clean_sku(value: str, *, field: str = "sku") -> str:
    """`value` trimmed. Raises ValidationFailed unless it is 1 to 64 letters, digits, `.`, `_`, `/` or `-`."""
    sku = value.strip()
    if not _SKU.fullmatch(sku):
        raise ValidationFailed(
            f"{field} takes 1 to 64 letters, digits, '.', '_', '/' and '-', and begins and ends with a letter or digit",
            field=field,
        )
    return sku


def sku_key(value: str) -> str | None:
    """What SKUs are compared by, without regard to case; None for what cannot be a SKU."""
    sku = value.strip()
    return sku.casefold() if _SKU.fullmatch(sku) else None


def generate_sku(name: str) -> str:
    """A readable SKU of a product's name, `WIR-HEA-7K3QD`; the caller tries another on a collision."""
    words = re.findall(r"[a-z0-9]+", fold(name))[:2]
    tail = "".join(secrets.choice(_SKU_ALPHABET) for _ in range(5))
    return "-".join([*(word[:3].upper() for word in words), tail])


def clean_tags(values: Iterable[str], *, field: str = "tags") -> tuple[str, ...]:
    """The tags in lower case, hyphens for spaces, each once, in their order.

    Raises ValidationFailed for an empty or over-long tag, and for too many.
    """
    tags: dict[str, None] = {}
    for value in values:
        _refuse_excess(value, field=field, at_most=MAX_TAG)
        # Folded before it is measured: a letter may become two.
        tag = clean(value.casefold(), field=field, at_most=MAX_TAG).replace(" ", "-")
        tags[tag] = None
    if len(tags) > MAX_TAGS:
        raise ValidationFailed(f"{field} may hold at most {MAX_TAGS}, not {len(tags)}", field=field)
    return tuple(tags)

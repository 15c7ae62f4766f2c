"""What the index says of a product: its terms, and in which of its fields each of them stands.

A standing is two digits: the fields as a sum of 4 (name), 2 (category and tags) and 1 (description), and the number
of words of the name, 9 for more. The postings of a term are records of a standing and the 16 bytes of a product's
id, one after the other in one string of bytes: a thousand of them are read, decoded and written as one value.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from struct import Struct

from subgraphs.products.domain.categories import Category
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.analyser import SKU, STEM, index_terms, sku_term, words

NAME, LABEL, TEXT = 4, 2, 1

UNSOLD = "-"
"""Marks the terms of what is not sold, which only the people who manage products search."""

# A description of 5,000 characters has fewer; what is longer in terms tells nothing more.
_MAX_TERMS = 400
_LONGEST_NAME = 9

_RECORD = Struct("2s16s")
_ONLY_TEXT = ord("1")


def _weight(fields: int, name_length: int) -> float:
    """Name before category and tags before description; a name of fewer words says more by each."""
    name = 6 + 6 / name_length if fields & NAME else 0
    return name + (3 if fields & LABEL else 0) + (1 if fields & TEXT else 0)


WEIGHTS: Mapping[bytes, float] = {
    b"%d%d" % (fields, length): _weight(fields, length)
    for fields in range(1, NAME + LABEL + TEXT + 1)
    for length in range(1, _LONGEST_NAME + 1)
}
"""The weight of a standing."""


def standings_of(product: Product, categories: Sequence[Category]) -> dict[str, str]:
    """The standing of `product` by term; empty for a deleted one. `categories` are its category and those above."""
    if product.deleted:
        return {}
    fields: dict[str, int] = {}
    name = list(words(product.name))
    _add(fields, name, NAME)
    labels = [category.name for category in categories] + [tag.replace("-", " ") for tag in product.tags]
    _add(fields, [word for label in labels for word in words(label)], LABEL)
    _add(fields, words(product.description or ""), TEXT)
    if (sku := sku_term(product.sku)) is not None:
        fields[sku] = NAME
    length = min(max(len(name), 1), _LONGEST_NAME)
    mark = "" if product.active else UNSOLD
    return {mark + term: f"{held}{length}" for term, held in fields.items()}


def is_vocabulary(term: str) -> bool:
    """Whether `term` is a word that can be completed and corrected to: no stem, no SKU, nothing unsold."""
    return len(term) > 1 and term[0] not in (STEM, SKU, UNSOLD)


def unpack(postings: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The standing and the id's bytes of each record."""
    return _RECORD.iter_unpack(postings)


def count(postings: bytes) -> int:
    return len(postings) // _RECORD.size


def count_named(postings: bytes) -> int:
    """Records of more than the description: what is worth suggesting."""
    return sum(standing[0] > _ONLY_TEXT for standing, _ in unpack(postings))


def changed(postings: bytes, *, add: Mapping[ProductId, str], remove: Collection[ProductId]) -> bytes:
    """`postings` with the standings `add`, and without those that `remove` or another standing of `add` had."""
    records = {key: standing for standing, key in unpack(postings)}
    for product_id in remove:
        records.pop(key_of(product_id), None)
    records |= {key_of(product_id): standing.encode() for product_id, standing in add.items()}
    return b"".join(standing + key for key, standing in records.items())


def key_of(product_id: str) -> bytes:
    """The 16 bytes of an id; their order is that of the ids."""
    return bytes.fromhex(product_id.replace("-", ""))


def id_of(key: bytes) -> ProductId:
    text = key.hex()
    return ProductId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


def _add(fields: dict[str, int], found: Iterable[str], field: int) -> None:
    for word in found:
        for term in index_terms(word):
            if term in fields or len(fields) < _MAX_TERMS:
                fields[term] = fields.get(term, 0) | field

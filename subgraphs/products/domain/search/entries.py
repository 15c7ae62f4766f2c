"""What the index says of a product: its terms, and in which of its fields each of them stands.

An entry of a term's list is two digits and the product's id: the fields as a sum of 4 (name), 2 (category and
tags) and 1 (description), and the number of words of the name, 9 for more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from subgraphs.products.domain.categories import Category
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.analyser import SKU, STEM, index_terms, sku_term, words

NAME, LABEL, TEXT = 4, 2, 1

UNSOLD = "-"
"""Marks the terms of what is not sold, which only the people who manage products search."""

# A description of 5,000 characters has fewer; what is longer in terms tells nothing more.
_MAX_TERMS = 400
_LONGEST_NAME = 9


class Entry(NamedTuple):
    fields: int
    name_length: int
    product_id: ProductId

    @property
    def weight(self) -> float:
        """Name before category and tags before description; a name of fewer words says more by each."""
        name = 6 + 6 / self.name_length if self.fields & NAME else 0
        return name + (3 if self.fields & LABEL else 0) + (1 if self.fields & TEXT else 0)


WEIGHTS: Mapping[str, float] = {
    f"{fields}{length}": Entry(fields, length, ProductId("")).weight
    for fields in range(1, NAME + LABEL + TEXT + 1)
    for length in range(1, _LONGEST_NAME + 1)
}
"""The weight of an entry by its two digits."""


def entries_of(product: Product, categories: Sequence[Category]) -> dict[str, str]:
    """The entry of `product` by term; empty for a deleted one. `categories` are its category and those above."""
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
    return {mark + term: f"{held}{length}{product.id}" for term, held in fields.items()}


def is_vocabulary(term: str) -> bool:
    """Whether `term` is a word that can be completed and corrected to: no stem, no SKU, nothing unsold."""
    return len(term) > 1 and term[0] not in (STEM, SKU, UNSOLD)


def names_a_product(entry: str) -> bool:
    """Whether the term stands in more than the description: what is worth suggesting."""
    return int(entry[0]) > TEXT


def _add(fields: dict[str, int], found: Iterable[str], field: int) -> None:
    for word in found:
        for term in index_terms(word):
            if term in fields or len(fields) < _MAX_TERMS:
                fields[term] = fields.get(term, 0) | field

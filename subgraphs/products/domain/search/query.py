"""A query: what somebody typed, as parts that a product should have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from subgraphs.kit.errors import ValidationFailed
from subgraphs.products.domain.search.analyser import is_ideographic, query_terms, sku_term, words
from subgraphs.products.domain.search.entries import UNSOLD

MAX_QUERY = 200
MAX_PARTS = 8
MIN_PREFIX = 2

# How much a term counts in place of the word that was typed.
_SKU, _STEM, _COMPLETED, _CORRECTED = 2.0, 0.8, 0.7, 0.6


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a product should have: any of `terms`, each with how much it counts."""

    word: str
    terms: Mapping[str, float]

    def with_words(self, found: Iterable[str], *, factor: float) -> Self:
        more = {word: factor for word in found if word not in self.terms}
        return replace(self, terms={**self.terms, **more})

    def completed_by(self, found: Iterable[str]) -> Self:
        return self.with_words(found, factor=_COMPLETED)

    def corrected_to(self, found: Iterable[str]) -> Self:
        return self.with_words(found, factor=_CORRECTED)


@dataclass(frozen=True, slots=True)
class Query:
    parts: Sequence[Part]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValidationFailed for a text without a letter or digit, or a longer one than 200 characters.

        Of more than 8 different parts the first 8 count.
        """
        if len(text) > MAX_QUERY:
            raise ValidationFailed(f"query may have at most {MAX_QUERY} characters", field="query")
        whole = sku_term(text)
        parts: dict[str, Part] = {}
        for chunk in text.split():
            skus = {term: _SKU for term in (sku_term(chunk), whole) if term is not None}
            for word in words(chunk):
                for terms in query_terms(word):
                    weights = {term: 1.0 if term == terms[0] else _STEM for term in terms}
                    key = terms[0] if is_ideographic(word) else word
                    parts.setdefault(key, Part(key, {**weights, **skus}))
        if not parts:
            raise ValidationFailed("query needs at least one letter or digit", field="query")
        return cls(tuple(parts.values())[:MAX_PARTS])

    def terms(self, *, active: bool) -> list[str]:
        """The terms to look up, as the index names them for what is sold or for what is not."""
        return list({_mark(active) + term: None for part in self.parts for term in part.terms})

    def unknown(self, known: Iterable[str], *, active: bool) -> list[int]:
        """The parts of which no term is known, by their place."""
        have = set(known)
        return [
            place
            for place, part in enumerate(self.parts)
            if not any(_mark(active) + term in have for term in part.terms)
        ]

    def replacing(self, parts: Mapping[int, Part]) -> Self:
        return replace(self, parts=tuple(parts.get(place, part) for place, part in enumerate(self.parts)))


def _mark(active: bool) -> str:  # noqa: FBT001 - what it is is its name
    return "" if active else UNSOLD

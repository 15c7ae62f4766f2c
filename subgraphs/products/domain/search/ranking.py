"""Which products a query finds, and in which order."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.search.entries import UNSOLD, WEIGHTS, count, id_of, unpack
from subgraphs.products.domain.search.query import Query

MAX_POSTINGS = 5_000
"""Products in the list of one term. A term of more tells little, so where its list is full it is not required."""

MIN_MATCH = 0.6
"""The share of the parts that a product must have where none has them all."""

# What rarity is measured against. A constant, so that the scores of one page still hold on the next one when
# the catalogue has grown: its size only moves all rarities alike.
_CATALOGUE = 1_000_000


class Hit(NamedTuple):
    """`score` is in thousandths, an integer, so that a cursor compares it exactly; `key` are the bytes of the id."""

    score: int
    key: bytes

    @property
    def product_id(self) -> ProductId:
        return id_of(self.key)


Postings = Mapping[str, bytes]
Weights = Mapping[bytes, float]


def rank(query: Query, postings: Postings, *, active: bool) -> list[Hit]:
    """All that `query` finds, the best first, equals by id.

    Products that have every part; where there is none, those that have most of them (at least 60 %).
    """
    weights = [_weights(part.terms, postings, active=active) for part in query.parts]
    common = [_is_full(part.terms, postings, active=active) for part in query.parts]
    scores = _with_all(weights, common)
    if not scores:
        scores = _with_most(weights)
    ordered = sorted((-round(score * 1000), key) for key, score in scores.items())
    return [Hit(-score, key) for score, key in ordered]


def rarity(products: int) -> float:
    """The inverse document frequency of a term that this many products have, in steps of a quarter.

    In steps, so that one more product with the term moves no score between two pages.
    """
    return round(math.log2(1 + _CATALOGUE / max(products, 1)) * 4) / 4


def _weights(terms: Mapping[str, float], postings: Postings, *, active: bool) -> Weights:
    """What each product gets for one part: by the best of its terms, times their rarity."""
    best: dict[bytes, float] = {}
    for term, factor in terms.items():
        weights = {standing: weight * factor for standing, weight in WEIGHTS.items()}
        for standing, key in unpack(_of(term, postings, active=active)):
            weight = weights[standing]
            if weight > best.get(key, 0):
                best[key] = weight
    rare = rarity(len(best))
    return {key: weight * rare for key, weight in best.items()}


def _is_full(terms: Iterable[str], postings: Postings, *, active: bool) -> bool:
    return any(count(_of(term, postings, active=active)) >= MAX_POSTINGS for term in terms)


def _of(term: str, postings: Postings, *, active: bool) -> bytes:
    return postings.get(term if active else UNSOLD + term, b"")


def _with_all(weights: Sequence[Weights], common: Sequence[bool]) -> Weights:
    """The sums of the products that have every part; a common one adds to a score but is not required."""
    required = [w for w, full in zip(weights, common, strict=True) if not full] or list(weights[:1])
    fewest = min(required, key=len)
    held = set(fewest).intersection(*required) if len(required) > 1 else fewest.keys()
    if len(weights) == 1:
        return dict(fewest)
    return {key: sum(w.get(key, 0.0) for w in weights) for key in held}


def _with_most(weights: Sequence[Weights]) -> Weights:
    least = math.ceil(len(weights) * MIN_MATCH)
    # Whoever has `least` of them has one of any `len - least + 1`; the shortest lists make for the least work.
    seeds = sorted(weights, key=len)[: len(weights) - least + 1]
    scores = {}
    for key in {key for seed in seeds for key in seed}:
        found = [w[key] for w in weights if key in w]
        if len(found) >= least:
            scores[key] = sum(found) * len(found) / len(weights)
    return scores

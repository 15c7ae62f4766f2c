"""Which products a query finds, and in which order."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from subgraphs.products.domain.products import ProductId
from subgraphs.products.domain.search.entries import UNSOLD, WEIGHTS
from subgraphs.products.domain.search.query import Query

MAX_POSTINGS = 10_000
"""Products in the list of one term. A term of more tells little, so where its list is full it is not required."""

MIN_MATCH = 0.6
"""The share of the parts that a product must have where none has them all."""

# What rarity is measured against. A constant, so that the scores of one page still hold on the next one when
# the catalogue has grown: its size only moves all rarities alike.
_CATALOGUE = 1_000_000


class Hit(NamedTuple):
    """`score` is in thousandths, an integer, so that a cursor compares it exactly."""

    score: int
    product_id: ProductId


Postings = Mapping[str, Sequence[str]]


def rank(query: Query, postings: Postings, *, active: bool) -> list[Hit]:
    """All that `query` finds, the best first, equals by id.

    Products that have every part; where there is none, those that have most of them (at least 60 %).
    """
    weights = [_weights(part.terms, postings, active=active) for part in query.parts]
    common = [_is_full(part.terms, postings, active=active) for part in query.parts]
    scores = _with_all(weights, common)
    if not scores:
        scores = _with_most(weights)
    hits = [Hit(round(score * 1000), ProductId(product_id)) for product_id, score in scores.items()]
    hits.sort(key=lambda hit: (-hit.score, hit.product_id))
    return hits


def rarity(products: int) -> float:
    """The inverse document frequency of a term that this many products have, in steps of a quarter.

    In steps, so that one more product with the term moves no score between two pages.
    """
    return round(math.log2(1 + _CATALOGUE / max(products, 1)) * 4) / 4


def _weights(terms: Mapping[str, float], postings: Postings, *, active: bool) -> dict[str, float]:
    """What each product gets for one part: by the best of its terms, times their rarity."""
    best: dict[str, float] = {}
    for term, factor in terms.items():
        by_digits = {digits: weight * factor for digits, weight in WEIGHTS.items()}
        for entry in postings.get(term if active else UNSOLD + term, ()):
            weight, product_id = by_digits[entry[:2]], entry[2:]
            if weight > best.get(product_id, 0):
                best[product_id] = weight
    rare = rarity(len(best))
    return {product_id: weight * rare for product_id, weight in best.items()}


def _is_full(terms: Mapping[str, float], postings: Postings, *, active: bool) -> bool:
    lists = (postings.get(term if active else UNSOLD + term, ()) for term in terms)
    return any(len(found) >= MAX_POSTINGS for found in lists)


def _with_all(weights: Sequence[Mapping[str, float]], common: Sequence[bool]) -> dict[str, float]:
    """The sums of the products that have every part; a common one adds to a score but is not required."""
    required = [w for w, full in zip(weights, common, strict=True) if not full] or list(weights[:1])
    fewest = min(required, key=len)
    held = set(fewest).intersection(*required) if len(required) > 1 else fewest.keys()
    if len(weights) == 1:
        return dict(fewest)
    return {product_id: sum(w.get(product_id, 0.0) for w in weights) for product_id in held}


def _with_most(weights: Sequence[Mapping[str, float]]) -> dict[str, float]:
    least = math.ceil(len(weights) * MIN_MATCH)
    # Whoever has `least` of them has one of any `len - least + 1`; the shortest lists make for the least work.
    seeds = sorted(weights, key=len)[: len(weights) - least + 1]
    scores = {}
    for product_id in {product_id for seed in seeds for product_id in seed}:
        found = [w[product_id] for w in weights if product_id in w]
        if len(found) >= least:
            scores[product_id] = sum(found) * len(found) / len(weights)
    return scores

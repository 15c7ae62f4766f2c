"""Search and listing in a small catalogue and in a large one: what they cost must not grow with it.

Both are in databases of their own on the running store, filled through the service's own store and index, and asked
over GraphQL in this process, so that nothing but the catalogue differs.
"""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx

from subgraphs.kit.auth.tokens import TokenVerifier
from subgraphs.kit.graphql.app import create_app
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Mongo, utc_now
from subgraphs.kit.settings import DatabaseSettings, JwtSettings, ServerSettings
from subgraphs.products.app import Services, build_services
from subgraphs.products.domain.products import NewProduct, Product, ProductId
from subgraphs.products.graphql.schema import schema
from subgraphs.products.migrations import migrate_database
from subgraphs.products.settings import ImageSettings, StockSettings
from subgraphs.products.store.products import ProductStore
from tests.bench.report import Row, at_most

SMALL = 1000
_BATCH = 1000
_ASKED = 200
_LISTED = 60
_WARMING = 5
_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "ra",
    "se",
    "ti",
    "vo",
    "wu",
    "xa",
    "ze",
]

_LISTING = "{ products(first: 20%s) { nodes { id name price { amount } stock } } }"
_LISTINGS = {
    "listing, the newest 20": _LISTING % "",
    "listing, the dearest 20": _LISTING % ", sort: PRICE_DESC",
    "listing, 20 in stock with a tag, by name": _LISTING
    % ', sort: NAME, filter: { inStock: true, tags: ["tag-5"] }',
}
_SEARCH = """query($text: String!) { searchProducts(query: $text, first: 20) {
  edges { score node { id name price { amount } stock } } pageInfo { hasNextPage endCursor } totalCount } }"""
_FACETED = _SEARCH.replace(
    "totalCount",
    "totalCount facets { categories { count } tags { tag count } priceRanges { min max count } }",
)


class _NoKeys:
    """Nobody is logged in."""

    async def key(self, kid: str) -> None:
        """None for every `kid`."""


class Words:
    """A made-up vocabulary, the same in each run; the words of descriptions are as unevenly spread as real ones."""

    def __init__(self) -> None:
        self._random = random.Random(11)
        made = {
            "".join(self._random.choices(_SYLLABLES, k=self._random.choice((2, 3, 3, 4))))
            for _ in range(6000)
        }
        words = sorted(made)
        self._random.shuffle(words)
        self._adjectives, self._nouns, self._brands = words[:150], words[150:550], words[550:650]
        self._rest = words[650:3650]
        self._spread = [1 / (rank + 8) for rank in range(len(self._rest))]

    def product(self, number: int) -> Product:
        pick = self._random.choice
        adjectives = self._random.sample(self._adjectives, 2)
        new = NewProduct(
            name=" ".join([pick(self._brands), *adjectives, pick(self._nouns)]).title(),
            price=Decimal(self._random.randrange(100, 80_000)) / 100,
            stock=self._random.randrange(20),
            description=" ".join(self._random.choices(self._rest, self._spread, k=18)),
            sku=f"BENCH-{number}",
            tags=[f"tag-{self._random.randrange(60)}" for _ in range(2)],
        )
        return new.product(ProductId(new_id()), at=utc_now())

    def queries(self) -> Iterator[str]:
        """One word, two, a brand with a word, a SKU, the beginning of a word, and a word with a letter left out."""
        pick = self._random.choice
        while True:
            noun = pick([word for word in self._nouns if len(word) > 5])
            yield pick(self._nouns)
            yield f"{pick(self._adjectives)} {pick(self._nouns)}"
            yield f"{pick(self._brands)} {pick(self._nouns)}"
            yield f"BENCH-{self._random.randrange(SMALL)}"
            yield noun[:-1]
            yield noun[:2] + noun[3:]


async def measure(mongo_url: str, *, products: int) -> list[Row]:
    """The 95th percentile of each kind of question with 1,000 products and with `products`, and their ratios."""
    small, large = await _measured(mongo_url, SMALL), await _measured(mongo_url, products)
    rows = []
    for what, before in small.items():
        ratio = large[what] / before
        beside = f"p95 {before:.1f} ms with {SMALL:,} products, {large[what]:.1f} ms with {products:,}"
        rows.append(at_most(what, ratio, 2, "times", beside=beside))
    return rows


async def _measured(mongo_url: str, products: int) -> dict[str, float]:
    url = urlunsplit(urlsplit(mongo_url)._replace(path=f"/bench_{uuid4().hex[:8]}"))
    mongo = Mongo(DatabaseSettings(url=url, timeout=timedelta(minutes=2)), application="bench")
    try:
        words = Words()
        services = build_services(
            mongo.database, settings=StockSettings(), images=ImageSettings(), wake_up=lambda: None
        )
        await _fill(mongo, services, words, products)
        texts = [text for text, _ in zip(words.queries(), range(_ASKED), strict=False)]
        return {
            **{what: await _p95(services, query, texts[:_LISTED]) for what, query in _LISTINGS.items()},
            "search, the best 20 with scores and total": await _p95(services, _SEARCH, texts),
            "search with facets": await _p95(services, _FACETED, texts),
        }
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        mongo.close()


async def _fill(mongo: Mongo, services: Services, words: Words, products: int) -> None:
    await migrate_database(mongo.database)
    store = ProductStore(mongo.database, wake_up=lambda: None)
    for start in range(0, products, _BATCH):
        numbers = range(start, min(start + _BATCH, products))
        await store.insert_missing([words.product(number) for number in numbers])
    while await services.search_indexing.index_due():
        pass


async def _p95(services: Services, query: str, texts: Sequence[str]) -> float:
    app = create_app(
        service="products",
        settings=ServerSettings(),
        schema=schema,
        verifier=TokenVerifier(_NoKeys(), JwtSettings()),
        make_context=services.make_context,
        checks={},
    )
    samples = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://products") as client:
        # The first answers of a process are slow for reasons of its own.
        for text in [*texts[:_WARMING], *texts]:
            variables = {"text": text} if "$text" in query else {}
            started = time.perf_counter()
            answer = await client.post("/graphql", json={"query": query, "variables": variables})
            samples.append((time.perf_counter() - started) * 1000)
            if "errors" in answer.json():
                raise RuntimeError(f"a question was refused: {answer.text}")
    return statistics.quantiles(samples[_WARMING:], n=20)[-1]

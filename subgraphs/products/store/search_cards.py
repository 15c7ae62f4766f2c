"""The card of a product in the search index: what facets count and filters compare, but for the stock.

    search_cards:   _id: product, card: "active|price rank|category|tag|tag…"

A product's document has some forty terms, six keys of lists and a description, so a server spends four times as long on
it. A card is one short string, and is written by the indexer before a term leads to the product.
"""

from subgraphs.kit.mongo.client import Document
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.prices import price_rank
from subgraphs.products.domain.products import Product, ProductId
from subgraphs.products.domain.search.facets import Attributes

# No text of the catalogue has it.
_UNIT = "\x1f"


def card_of(product: Product) -> str:
    """The card of a product that is not deleted; a deleted one has none."""
    category = product.category_id or ""
    return _UNIT.join([str(int(product.active)), str(price_rank(product.price)), category, *product.tags])


def attributes_of_card(document: Document) -> Attributes:
    active, rank, category, *tags = document["card"].split(_UNIT)
    return Attributes(
        id=ProductId(document["_id"]),
        category_id=CategoryId(category) if category else None,
        tags=frozenset(tags),
        price_rank=int(rank),
        active=active == "1",
        deleted=False,
    )

"""A catalogue from a file: adds the categories and products that are missing, and changes nothing that exists.

    {"currency": "USD",
     "categories": [{"name", "slug", "description"?, "children": [...]?}],
     "products": [{"sku", "name", "description"?, "price": "99.99", "stock", "category": slug, "tags": [...]}]}

Categories are known by slug, products by SKU, so a second run adds nothing, what people changed stays as
they left it, and sold stock stays sold.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pymongo import UpdateOne

from subgraphs.kit.cli import Command
from subgraphs.kit.errors import DomainError
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Database, Document, Mongo, utc_now
from subgraphs.kit.mongo.outbox import with_outbox
from subgraphs.products.domain.catalogue import (
    MAX_CATEGORY_NAME,
    Category,
    CategoryId,
    ProductDraft,
    ProductId,
    clean_description,
)
from subgraphs.products.domain.text import clean, clean_slug, fold
from subgraphs.products.events import product_updated
from subgraphs.products.settings import ProductsSettings
from subgraphs.products.store import categories as category_store
from subgraphs.products.store import products as product_store

_BATCH = 50


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CategoryEntry(_Entry):
    name: str
    slug: str
    description: str | None = None
    children: "list[CategoryEntry]" = []


class ProductEntry(_Entry):
    sku: str
    name: str
    description: str | None = None
    price: Decimal
    stock: int
    category: str
    tags: list[str] = []


class Catalogue(_Entry):
    currency: str = "USD"
    categories: list[CategoryEntry]
    products: list[ProductEntry]


async def seed(database: Database, catalogue: Catalogue, *, report: Callable[[str], None]) -> None:
    """Add what is missing. `report` gets a line of progress now and then.

    Raises ValueError, naming the entry, for a product that does not pass the rules of the catalogue.
    """
    ids = await _seed_categories(database, catalogue.categories)
    report(f"categories: {len(ids)}")
    drafts = [(entry, _draft(entry, catalogue.currency, ids)) for entry in catalogue.products]
    products = database["products"]
    keys = [fold(entry.sku) for entry in catalogue.products]
    present = {d["sku_key"] async for d in products.find({"sku_key": {"$in": keys}}, {"sku_key": 1})}
    missing = [(e, d) for e, d in drafts if fold(e.sku) not in present]
    report(f"products: {len(drafts)}, {len(missing)} of them new")
    for done in range(0, len(missing), _BATCH):
        batch = missing[done : done + _BATCH]
        documents = [_document(draft, ids[entry.category]) for entry, draft in batch]
        # An upsert rather than an insert: somebody may seed at the same time.
        writes = [
            UpdateOne({"sku_key": d.pop("sku_key")}, {"$setOnInsert": d}, upsert=True) for d in documents
        ]
        await products.bulk_write(writes, ordered=False)
        report(f"products: {done + len(batch)} of {len(missing)} added")


async def _seed_categories(database: Database, roots: Sequence[CategoryEntry]) -> dict[str, CategoryId]:
    """The id of each category by slug."""
    categories = database["categories"]
    found: dict[str, CategoryId] = {}
    for entry, above in _walk(roots):
        ancestors = tuple(found[slug] for slug in above)
        parent_id = ancestors[-1] if ancestors else None
        document = category_store.new_document(_category(entry, ancestors), at=utc_now())
        # By name beside its siblings too: people may have made the same category under another slug.
        same = {"$or": [{"slug": entry.slug}, {"parent_id": parent_id, "name_key": document["name_key"]}]}
        existing = await categories.find_one(same, {"_id": 1})
        if existing is None:
            update = {"$setOnInsert": {k: v for k, v in document.items() if k != "slug"}}
            await categories.update_one({"slug": entry.slug}, update, upsert=True)
            existing = await categories.find_one({"slug": entry.slug}, {"_id": 1})
        assert existing is not None  # noqa: S101 - it was there or has just been written
        found[entry.slug] = existing["_id"]
    return found


def _category(entry: CategoryEntry, ancestors: tuple[CategoryId, ...]) -> Category:
    try:
        return Category(
            id=CategoryId(new_id()),
            name=clean(entry.name, field="name", at_most=MAX_CATEGORY_NAME),
            slug=clean_slug(entry.slug),
            description=clean_description(entry.description),
            parent_id=ancestors[-1] if ancestors else None,
            ancestors=ancestors,
        )
    except DomainError as error:
        raise ValueError(f"category {entry.slug}: {error.message}") from error


def _walk(
    entries: Sequence[CategoryEntry], above: tuple[str, ...] = ()
) -> Iterator[tuple[CategoryEntry, tuple[str, ...]]]:
    """Each category before its children, with the slugs above it."""
    for entry in entries:
        yield entry, above
        yield from _walk(entry.children, (*above, entry.slug))


def _draft(entry: ProductEntry, currency: str, ids: dict[str, CategoryId]) -> ProductDraft:
    if entry.category not in ids:
        raise ValueError(f"product {entry.sku}: there is no category {entry.category!r}")
    try:
        return ProductDraft.of(
            name=entry.name,
            description=entry.description,
            price=entry.price,
            currency=currency,
            stock=entry.stock,
            sku=entry.sku,
            tags=entry.tags,
            active=True,
        )
    except DomainError as error:
        raise ValueError(f"product {entry.sku}: {error.message}") from error


def _document(draft: ProductDraft, category_id: CategoryId) -> Document:
    now = utc_now()
    assert draft.sku is not None  # noqa: S101 - the file's model requires it
    product = draft.product(ProductId(new_id()), sku=draft.sku, category_id=category_id, at=now)
    event = product_updated(product.id, version=1, change="created")
    return product_store.new_document(product) | with_outbox(event, at=now)


async def run(settings: ProductsSettings, args: argparse.Namespace) -> None:
    """The command: exits 1 with a plain message for a file that cannot be used."""
    mongo = Mongo(settings.database, application="products-seed")
    try:
        text = args.file.read_bytes()
        await seed(mongo.database, Catalogue.model_validate_json(text), report=_say)
    except (OSError, ValueError) as error:
        faults = _faults(error) if isinstance(error, ValidationError) else [str(error)]
        sys.stderr.write("".join(f"{args.file}: {fault}\n" for fault in faults))
        sys.exit(1)
    finally:
        mongo.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _faults(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a catalogue as JSON")


COMMAND = Command(
    help="add the categories and products of a catalogue file that are missing",
    run=run,
    add_arguments=_arguments,
)

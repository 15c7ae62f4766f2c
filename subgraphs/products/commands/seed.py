"""`seed FILE`: adds the categories and products of a catalogue file that are missing.

    {"currency": "USD",
     "categories": [{"name", "slug", "description"?, "children": [...]?}],
     "products": [{"sku", "name", "description"?, "price": "99.99", "stock", "category": slug, "tags": [...]}]}

Categories are known by slug, products by SKU, so a second run adds nothing, what people changed stays as
they left it, and sold stock stays sold.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from subgraphs.kit.cli import Command
from subgraphs.products.domain.products import NewProduct
from subgraphs.products.service.seeding import SeedCategory, Seeding, SeedProduct
from subgraphs.products.settings import ProductsSettings

Report = Callable[[str], None]
OpenSeeding = Callable[[ProductsSettings, Report], AbstractAsyncContextManager[Seeding]]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CategoryEntry(_Entry):
    name: str
    slug: str
    description: str | None = None
    children: "list[CategoryEntry]" = []

    def to_seed(self) -> SeedCategory:
        children = [child.to_seed() for child in self.children]
        return SeedCategory(name=self.name, slug=self.slug, description=self.description, children=children)


class ProductEntry(_Entry):
    sku: str
    name: str
    description: str | None = None
    price: Decimal
    stock: int
    category: str
    tags: list[str] = []

    def to_seed(self, *, currency: str) -> SeedProduct:
        new = NewProduct(**self.model_dump(exclude={"category"}), currency=currency)
        return SeedProduct(sku=self.sku, category=self.category, new=new)


class Catalogue(_Entry):
    currency: str = "USD"
    categories: list[CategoryEntry]
    products: list[ProductEntry]


async def seed(seeding: Seeding, catalogue: Catalogue) -> None:
    """Raises ValueError, naming the entry, for one that does not pass the rules of the catalogue."""
    await seeding.seed(
        [entry.to_seed() for entry in catalogue.categories],
        [entry.to_seed(currency=catalogue.currency) for entry in catalogue.products],
    )


async def run(open_seeding: OpenSeeding, settings: ProductsSettings, args: argparse.Namespace) -> None:
    """Exits 1 with a plain message for a file that cannot be used."""
    try:
        catalogue = Catalogue.model_validate_json(args.file.read_bytes())
        async with open_seeding(settings, _say) as seeding:
            await seed(seeding, catalogue)
    except (OSError, ValueError) as error:
        faults = _faults(error) if isinstance(error, ValidationError) else [str(error)]
        sys.stderr.write("".join(f"{args.file}: {fault}\n" for fault in faults))
        sys.exit(1)


def command(open_seeding: OpenSeeding) -> Command:
    return Command(
        help="add the categories and products of a catalogue file that are missing",
        run=partial(run, open_seeding),
        add_arguments=_arguments,
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _faults(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a catalogue as JSON")

"""`seed FILE`: adds the categories and products of a catalogue file that are missing.

    {"currency": "USD",
     "categories": [{"name", "slug", "description"?, "palette"?, "motif"?, "children": [...]?}],
     "products": [{"sku", "name", "description"?, "price": "99.99", "stock", "category": slug, "tags": [...]}]}

Categories are known by slug, products by SKU, so a second run adds nothing, what people changed stays as
they left it, and sold stock stays sold. A product is drawn where its category has a motif, in the nearest palette that
the category or one above it has; both are names that `drawings` knows.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from subgraphs.kit.cli import Command
from subgraphs.products.domain.products import NewProduct
from subgraphs.products.drawings.drawing import MOTIFS, Drawing
from subgraphs.products.drawings.palettes import PALETTES
from subgraphs.products.service.seeding import SeedCategory, Seeding, SeedProduct
from subgraphs.products.settings import ProductsSettings

Report = Callable[[str], None]
OpenSeeding = Callable[[ProductsSettings, Report], AbstractAsyncContextManager[Seeding]]


def _one_of(names: Iterable[str]) -> AfterValidator:
    known = sorted(names)

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")
        return name

    return AfterValidator(check)


Motif = Annotated[str, _one_of(MOTIFS)]
Palette = Annotated[str, _one_of(PALETTES)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CategoryEntry(_Entry):
    name: str
    slug: str
    description: str | None = None
    palette: Palette | None = None
    motif: Motif | None = None
    children: "list[CategoryEntry]" = []

    def to_seed(self) -> SeedCategory:
        children = [child.to_seed() for child in self.children]
        return SeedCategory(name=self.name, slug=self.slug, description=self.description, children=children)

    def drawings(self, palette: str | None = None) -> Iterator[tuple[str, str, str]]:
        """The slug, motif and palette of each category below and including this one whose products are drawn."""
        palette = self.palette or palette
        if self.motif is not None and palette is not None:
            yield self.slug, self.motif, palette
        for child in self.children:
            yield from child.drawings(palette)


class ProductEntry(_Entry):
    sku: str
    name: str
    description: str | None = None
    price: Decimal
    stock: int
    category: str
    tags: list[str] = []

    def to_seed(self, *, currency: str, drawing: Drawing | None) -> SeedProduct:
        new = NewProduct(**self.model_dump(exclude={"category"}), currency=currency)
        return SeedProduct(sku=self.sku, category=self.category, new=new, drawing=drawing)


class Catalogue(_Entry):
    currency: str = "USD"
    categories: list[CategoryEntry]
    products: list[ProductEntry]

    def seed_products(self) -> list[SeedProduct]:
        drawn = {
            slug: (motif, palette)
            for category in self.categories
            for slug, motif, palette in category.drawings()
        }
        return [
            entry.to_seed(
                currency=self.currency,
                drawing=Drawing(*drawn[entry.category], entry.sku) if entry.category in drawn else None,
            )
            for entry in self.products
        ]


async def seed(seeding: Seeding, catalogue: Catalogue) -> None:
    """Raises ValueError, naming the entry, for one that does not pass the rules of the catalogue."""
    await seeding.seed([entry.to_seed() for entry in catalogue.categories], catalogue.seed_products())


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

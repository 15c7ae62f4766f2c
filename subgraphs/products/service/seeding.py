"""A whole catalogue at once: adds the categories and products that are missing, and changes nothing that exists."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from subgraphs.kit.errors import Conflict, DomainError
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.categories import MAX_CATEGORY_NAME, Category, CategoryId
from subgraphs.products.domain.images import Image, ImageId
from subgraphs.products.domain.products import NewProduct, Product, ProductId
from subgraphs.products.domain.text import clean, clean_description, clean_slug
from subgraphs.products.drawings.drawing import Drawing, draw
from subgraphs.products.images.rendering import encode
from subgraphs.products.store.categories import CategoryStore
from subgraphs.products.store.images import ImageStore
from subgraphs.products.store.products import ProductStore

_BATCH = 50
_CATEGORY_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedCategory:
    name: str
    slug: str
    description: str | None
    children: Sequence["SeedCategory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedProduct:
    """A product with its SKU, the category that it is in by slug, and what its picture shows, where it has one."""

    sku: str
    category: str
    new: NewProduct
    drawing: Drawing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """`report` gets a line of progress now and then."""

    products: ProductStore
    categories: CategoryStore
    images: ImageStore
    clock: Callable[[], datetime]
    report: Callable[[str], None]

    async def seed(self, categories: Sequence[SeedCategory], products: Sequence[SeedProduct]) -> None:
        """Categories are known by slug, or by name beside their siblings; products by SKU.

        Raises ValueError, naming the entry, for what does not pass the rules of the catalogue.
        """
        ids = await self._seed_categories(categories)
        self.report(f"categories: {len(ids)}")
        checked = [self._product(entry, ids) for entry in products]
        found = await self.products.get_by_skus([product.sku for product in checked])
        missing = [product for product, there in zip(checked, found, strict=True) if there is None]
        drawings = {entry.sku: entry.drawing for entry in products if entry.drawing is not None}
        self.report(f"products: {len(checked)}, {len(missing)} of them new")
        for done in range(0, len(missing), _BATCH):
            batch = missing[done : done + _BATCH]
            await self._add(batch, drawings)
            self.report(f"products: {done + len(batch)} of {len(missing)} added")

    async def _add(self, products: Sequence[Product], drawings: Mapping[str, Drawing]) -> None:
        """With their pictures, whose files are there before a product shows them; see `store/images.py`."""
        pictured = [await self._with_picture(product, drawings.get(product.sku)) for product in products]
        await self.products.insert_missing(pictured)
        added = [image.id for product in pictured for image in product.images]
        shown = await self.products.shown_images(added)
        for image_id in added:
            if image_id not in shown:  # somebody else has added the product meanwhile
                await self.images.delete(image_id)
        await self.images.end(added)

    async def _with_picture(self, product: Product, drawing: Drawing | None) -> Product:
        if drawing is None:
            return product
        rendering = await asyncio.to_thread(lambda: encode(draw(drawing)))
        image = Image(id=ImageId(new_id()), alt=product.name, width=rendering.width, height=rendering.height)
        await self.images.begin(image.id, product.id, at=self.clock())
        await self.images.save(image.id, rendering)
        return replace(product, images=(image,))

    async def _seed_categories(self, roots: Sequence[SeedCategory]) -> dict[str, CategoryId]:
        """The id of each category by slug."""
        found: dict[str, CategoryId] = {}
        for entry, above in _walk(roots):
            found[entry.slug] = await self._category(entry, tuple(found[slug] for slug in above))
        return found

    async def _category(self, entry: SeedCategory, ancestors: tuple[CategoryId, ...]) -> CategoryId:
        """The category that is there already, or a new one; somebody may seed at the same time."""
        category = _checked_category(entry, ancestors)
        for _ in range(_CATEGORY_TRIES):
            existing = await self.categories.find_same(category)
            if existing is not None:
                return existing
            try:
                await self.categories.insert(category, at=self.clock())
            except Conflict:
                continue
            return category.id
        raise ValueError(f"category {entry.slug}: its slug or name is taken and given up again and again")

    def _product(self, entry: SeedProduct, ids: Mapping[str, CategoryId]) -> Product:
        if entry.category not in ids:
            raise ValueError(f"product {entry.sku}: there is no category {entry.category!r}")
        try:
            product = entry.new.product(ProductId(new_id()), at=self.clock())
        except DomainError as error:
            raise ValueError(f"product {entry.sku}: {error.message}") from error
        return replace(product, category_id=ids[entry.category])


def _walk(
    entries: Sequence[SeedCategory], above: tuple[str, ...] = ()
) -> Iterator[tuple[SeedCategory, tuple[str, ...]]]:
    """Each category before its children, with the slugs above it."""
    for entry in entries:
        yield entry, above
        yield from _walk(entry.children, (*above, entry.slug))


def _checked_category(entry: SeedCategory, ancestors: tuple[CategoryId, ...]) -> Category:
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

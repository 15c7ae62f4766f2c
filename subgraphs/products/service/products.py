"""Use cases of single products."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, NotFound, ValidationFailed
from subgraphs.kit.ids import new_id
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.errors import SkuTaken
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import (
    MAX_STOCK,
    NewProduct,
    Product,
    ProductChanges,
    ProductId,
    clean_reason,
    revise,
)
from subgraphs.products.domain.text import generate_sku
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.store.products import ProductStore

_SKU_TRIES = 8
_REVISION_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductService:
    """`read_many` is how products are read for others to show, which may be from a cache."""

    store: ProductStore
    read_many: Callable[[Sequence[ProductId]], Awaitable[list[Product | None]]]
    categories: CategoryService
    clock: Callable[[], datetime]

    async def get_many(self, ids: Sequence[ProductId]) -> list[Product | None]:
        """Also what is no longer sold or deleted: orders still show it."""
        return await self.read_many(ids)

    async def get(self, viewer: Viewer, *, product_id: ProductId | None, sku: str | None) -> Product | None:
        """By id or by SKU; what is not sold is seen with MANAGE_PRODUCTS only.

        Raises ValidationFailed unless exactly one of the two is given.
        """
        if (product_id is None) == (sku is None):
            raise ValidationFailed("give either `id` or `sku`", field="id")
        if product_id is not None:
            product = await self.store.get(product_id)
        else:
            product = await self.store.get_by_sku(sku or "")
        if product is None or product.deleted:
            return None
        return product if product.active or viewer.may(Permission.MANAGE_PRODUCTS) else None

    async def create(self, viewer: Viewer, new: NewProduct) -> Product:
        """Add a product, in the category of that id, or of that name, which is created when missing.

        Raises ValidationFailed, and SkuTaken for a SKU that the caller chose.
        """
        actor = viewer.require(Permission.MANAGE_PRODUCTS)
        product = new.product(ProductId(new_id()), at=self.clock())
        # Only now, so that a product that is refused leaves no new category behind.
        product = replace(product, category_id=await self._category(new.category_id, new.category))
        for _ in range(_SKU_TRIES):
            try:
                await self.store.insert(product, actor=actor)
            except SkuTaken:
                if new.sku is not None:
                    raise
                product = replace(product, sku=generate_sku(product.name))
            else:
                return product
        raise Conflict("No free SKU was found for the name; give one as `sku`.")

    async def update(
        self, viewer: Viewer, product_id: ProductId, changes: ProductChanges, *, version: int | None = None
    ) -> Product:
        """Apply `changes`; a category that is named is created when missing.

        Stock changes by the difference between what is asked for and what is available at this moment, so
        that units reserved in between stay reserved. With `version` the change is refused unless that is the
        stored one. Raises NotFound, Conflict (also when the new SKU is taken), ValidationFailed.
        """
        actor = viewer.require(Permission.MANAGE_PRODUCTS)
        for _ in range(_REVISION_TRIES):
            current = await self._current(product_id, version=version)
            revised = revise(current, changes)
            # Only now, so that a change that is refused leaves no new category behind.
            chosen = await self._category(changes.get("category_id"), changes.get("category"))
            if chosen is not None:
                revised = replace(revised, category_id=chosen)
            if revised == current:
                return current
            revised = replace(revised, version=current.version + 1, updated_at=self.clock())
            written = await self.store.replace(revised, read=current, actor=actor)
            if written is not None:
                return written
        raise Conflict("The product changes too often at the moment; try again.")

    async def delete(self, viewer: Viewer, product_id: ProductId, *, version: int | None = None) -> ProductId:
        """Take the product out of every list for good; orders that hold it still show it.

        With `version` only if that is the stored one. Raises NotFound, Conflict.
        """
        actor = viewer.require(Permission.MANAGE_PRODUCTS)
        for _ in range(_REVISION_TRIES):
            current = await self._current(product_id, version=version)
            gone = replace(
                current, active=False, deleted=True, version=current.version + 1, updated_at=self.clock()
            )
            if await self.store.replace(gone, read=current, actor=actor) is not None:
                return product_id
        raise Conflict("The product changes too often at the moment; try again.")

    async def adjust_stock(
        self, viewer: Viewer, product_id: ProductId, *, delta: int, reason: str | None
    ) -> Product:
        """Add `delta` units, or take them away, in one conditional write.

        Raises ValidationFailed for 0, NotFound, and Conflict when less than nothing or more than 10^9 would
        be left.
        """
        actor = viewer.require(Permission.MANAGE_PRODUCTS)
        if delta == 0:
            raise ValidationFailed("delta must not be 0", field="delta")
        reason = clean_reason(reason)
        product = await self.store.adjust(product_id, delta, reason=reason, actor=actor, at=self.clock())
        if product is not None:
            return product
        current = await self._current(product_id)
        limit = f"at most {MAX_STOCK} may be" if delta > 0 else "none may be owed"
        raise Conflict(
            f"{current.available} units are available and {limit}; a change by {delta} is refused."
        )

    async def _current(self, product_id: ProductId, *, version: int | None = None) -> Product:
        """Raises NotFound, for what was deleted too, and Conflict for another version than is asked for."""
        current = await self.store.get(product_id)
        if current is None or current.deleted:
            raise NotFound("There is no such product.")
        if version is not None and current.version != version:
            raise Conflict(f"The product is at version {current.version}, not {version}; read and retry.")
        return current

    async def _category(self, category_id: CategoryId | None, name: str | None) -> CategoryId | None:
        if category_id is not None and name is not None:
            raise ValidationFailed("give either `categoryId` or `category`", field="category")
        if name is not None:
            return (await self.categories.ensure(name)).id
        if category_id is None:
            return None
        category = await self.categories.find(category_id)
        if category is None:
            raise ValidationFailed("categoryId names no category", field="categoryId")
        return category.id

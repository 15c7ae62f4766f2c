"""Use cases of the catalogue."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.errors import Conflict, NotFound, ValidationFailed
from subgraphs.kit.events.event import Event
from subgraphs.kit.ids import new_id
from subgraphs.kit.mongo.client import Database, DuplicateKeyError, utc_now
from subgraphs.kit.pagination import Key, Page, decode_cursor, page_size
from subgraphs.products.domain.catalogue import (
    MANAGE_PRODUCTS,
    MAX_STOCK,
    CategoryId,
    Product,
    ProductChanges,
    ProductDraft,
    ProductFilter,
    ProductId,
    ProductSort,
    price_rank,
    revise,
)
from subgraphs.products.domain.text import clean, fold, generate_sku
from subgraphs.products.events import product_updated, stock_adjusted
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.store.products import ProductStore, select

_SKU_TRIES = 8
_REVISION_TRIES = 8
_MAX_REASON = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Field, whether descending, and the type of the field's value in a cursor.
_ORDERS: dict[ProductSort, tuple[str, bool, type]] = {
    ProductSort.NEWEST: ("created_at", True, int),
    ProductSort.NAME: ("name_key", False, str),
    ProductSort.PRICE_ASC: ("price_rank", False, int),
    ProductSort.PRICE_DESC: ("price_rank", True, int),
}


class ProductService:
    """`notify` is called after an event was written."""

    def __init__(
        self,
        database: Database,
        categories: CategoryService,
        *,
        clock: Callable[[], datetime] = utc_now,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = ProductStore(database)
        self._categories = categories
        self._clock = clock
        self._notify = notify

    async def get_many(self, ids: Sequence[ProductId]) -> list[Product | None]:
        """Also what is no longer sold or deleted: orders still show it."""
        return await self._store.get_many(ids)

    async def get(self, viewer: Viewer, *, product_id: ProductId | None, sku: str | None) -> Product | None:
        """By id or by SKU; what is not sold is seen with MANAGE_PRODUCTS only.

        Raises ValidationFailed unless exactly one of the two is given.
        """
        if (product_id is None) == (sku is None):
            raise ValidationFailed("give either `id` or `sku`", field="id")
        if product_id is not None:
            product = (await self._store.get_many([product_id]))[0]
        else:
            product = await self._store.get_by_sku(sku or "")
        if product is None or product.deleted or not (product.active or viewer.may(MANAGE_PRODUCTS)):
            return None
        return product

    async def page(
        self,
        viewer: Viewer,
        *,
        wanted: ProductFilter,
        sort: ProductSort,
        first: int,
        after: str | None,
    ) -> Page[Product]:
        """One page of the products that `wanted` selects. Without a search there is no relevance: newest first.

        Raises Forbidden when a viewer without MANAGE_PRODUCTS asks for what is not sold, ValidationFailed
        for a bad size or cursor.
        """
        if not wanted.active:
            viewer.require(MANAGE_PRODUCTS)
        size = page_size(first)
        if sort is ProductSort.RELEVANCE:
            sort = ProductSort.NEWEST
        start = _position(sort, after)
        selection = select(wanted, category_ids=await self._categories.subtrees(wanted.within))
        field, descending, _ = _ORDERS[sort]
        rows = await self._store.page(selection, by=field, descending=descending, after=start, limit=size + 1)
        return Page(
            rows=[(product, _key(sort, product)) for product in rows[:size]],
            has_next=len(rows) > size,
            has_previous=start is not None,
            total=lambda: self._store.count(selection),
        )

    async def create(
        self,
        viewer: Viewer,
        *,
        name: str,
        price: Decimal,
        currency: str = "USD",
        stock: int = 0,
        description: str | None = None,
        sku: str | None = None,
        tags: Sequence[str] = (),
        active: bool = True,
        category_id: CategoryId | None = None,
        category: str | None = None,
    ) -> Product:
        """Add a product, in the category of this id, or of this name, which is created when missing.

        Raises ValidationFailed, and Conflict when the SKU is taken.
        """
        viewer.require(MANAGE_PRODUCTS)
        draft = ProductDraft.of(
            name=name,
            description=description,
            price=price,
            currency=currency,
            stock=stock,
            sku=sku,
            tags=tags,
            active=active,
        )
        chosen = await self._category(category_id, category)
        for _ in range(_SKU_TRIES):
            now = self._clock()
            sku = draft.sku or generate_sku(draft.name)
            product = draft.product(ProductId(new_id()), sku=sku, category_id=chosen, at=now)
            try:
                await self._store.insert(product, product_updated(product.id, version=1, change="created"))
            except DuplicateKeyError as error:
                if draft.sku is not None:
                    raise Conflict(f"The SKU {draft.sku!r} is taken; choose another.") from error
                continue
            self._notify()
            return product
        raise Conflict("No free SKU was found for the name; give one as `sku`.")

    async def update(
        self,
        viewer: Viewer,
        product_id: ProductId,
        changes: ProductChanges,
        *,
        category: str | None = None,
        version: int | None = None,
    ) -> Product:
        """Apply `changes`; `category` names the new category, created when missing.

        With `version` the change is refused unless that is the stored one. Raises NotFound, Conflict (also
        when the new SKU is taken), ValidationFailed.
        """
        viewer.require(MANAGE_PRODUCTS)
        for _ in range(_REVISION_TRIES):
            current = (await self._store.get_many([product_id]))[0]
            if current is None or current.deleted:
                raise NotFound("There is no such product.")
            if version is not None and current.version != version:
                raise Conflict(f"The product is at version {current.version}, not {version}; read and retry.")
            revised = revise(current, changes)
            # Only now, so that a change that is refused leaves no new category behind.
            if category is not None or changes.get("category_id") is not None:
                chosen = await self._category(changes.get("category_id"), category)
                revised = replace(revised, category_id=chosen)
            if revised == current:
                return current
            revised = replace(revised, version=current.version + 1, updated_at=self._clock())
            event = product_updated(product_id, version=revised.version, change="updated")
            written = await self._write(
                revised, expected=current.version, stock="stock" in changes, event=event
            )
            if written is not None:
                return written
        raise Conflict("The product changes too often at the moment; try again.")

    async def delete(self, viewer: Viewer, product_id: ProductId) -> ProductId:
        """Take the product out of every list for good; orders that hold it still show it. Raises NotFound."""
        viewer.require(MANAGE_PRODUCTS)
        for _ in range(_REVISION_TRIES):
            current = (await self._store.get_many([product_id]))[0]
            if current is None or current.deleted:
                raise NotFound("There is no such product.")
            gone = replace(
                current, active=False, deleted=True, version=current.version + 1, updated_at=self._clock()
            )
            event = product_updated(product_id, version=gone.version, change="deleted")
            if await self._write(gone, expected=current.version, stock=False, event=event):
                return product_id
        raise Conflict("The product changes too often at the moment; try again.")

    async def adjust_stock(
        self, viewer: Viewer, product_id: ProductId, *, delta: int, reason: str | None
    ) -> Product:
        """Add `delta` units, or take them away, in one conditional write.

        Raises ValidationFailed for 0, NotFound, and Conflict when less than nothing or more than 10^9 would
        be left.
        """
        actor = viewer.require(MANAGE_PRODUCTS)
        if delta == 0:
            raise ValidationFailed("delta must not be 0", field="delta")
        if reason is not None and reason.strip():
            reason = clean(reason, field="reason", at_most=_MAX_REASON, lines=True)
        event = stock_adjusted(product_id, delta=delta, reason=reason or None, actor=actor)
        product = await self._store.adjust(product_id, delta, event=event, at=self._clock())
        if product is not None:
            self._notify()
            return product
        current = (await self._store.get_many([product_id]))[0]
        if current is None or current.deleted:
            raise NotFound("There is no such product.")
        limit = f"at most {MAX_STOCK} may be" if delta > 0 else "none may be owed"
        raise Conflict(
            f"{current.available} units are available and {limit}; a change by {delta} is refused."
        )

    async def _write(self, product: Product, *, expected: int, stock: bool, event: Event) -> Product | None:
        try:
            written = await self._store.replace(product, expected=expected, stock=stock, event=event)
        except DuplicateKeyError as error:
            raise Conflict(f"The SKU {product.sku!r} is taken; choose another.") from error
        if written is not None:
            self._notify()
        return written

    async def _category(self, category_id: CategoryId | None, name: str | None) -> CategoryId | None:
        if category_id is not None and name is not None:
            raise ValidationFailed("give either `categoryId` or `category`", field="category")
        if name is not None:
            return (await self._categories.ensure(name)).id
        if category_id is None:
            return None
        if (await self._categories.get_many([category_id]))[0] is None:
            raise ValidationFailed("categoryId names no category", field="categoryId")
        return category_id


def _key(sort: ProductSort, product: Product) -> Key:
    """Names its order too, so that a cursor of one order is refused in another."""
    values: dict[ProductSort, str | int] = {
        ProductSort.NEWEST: (product.created_at - _EPOCH) // timedelta(milliseconds=1),
        ProductSort.NAME: fold(product.name),
        ProductSort.PRICE_ASC: price_rank(product.price),
        ProductSort.PRICE_DESC: price_rank(product.price),
    }
    return (sort.value, values[sort], product.id)


def _position(sort: ProductSort, cursor: str | None) -> tuple[Any, str] | None:
    """The value and id in `cursor`. Raises ValidationFailed for a cursor that is not of this order."""
    key = decode_cursor(cursor, str, _ORDERS[sort][2], str)
    if key is None:
        return None
    name, value, last_id = key
    refused = ValidationFailed("`after` is a cursor of another order; start again without it.", field="after")
    if name != sort.value:
        raise refused
    if isinstance(value, int) and not -(2**62) < value < 2**62:  # BSON's integers end at 2^63
        raise refused
    if sort is ProductSort.NEWEST and isinstance(value, int):
        try:
            return _EPOCH + timedelta(milliseconds=value), str(last_id)
        except OverflowError:
            raise refused from None
    return value, str(last_id)

"""The log of stock: what moved, for those who manage products."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.pagination import Page, decode_id_cursor, page_size
from subgraphs.products.domain.movements import Movement
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import ProductId
from subgraphs.products.service.totals import Totals
from subgraphs.products.store.movements import MovementStore

BATCH = 100
PURGE_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMovements:
    """`after_write` is called with the name of each write that is done."""

    store: MovementStore
    clock: Callable[[], datetime]
    after_write: Callable[[str], None] = lambda _: None

    async def pages_of(
        self, viewer: Viewer, product_ids: Sequence[ProductId], *, first: int | None, after: str | None
    ) -> list[Page[Movement]]:
        """The same page of each product's movements, the latest first; those of this moment are among them.

        Raises Forbidden without MANAGE_PRODUCTS, ValidationFailed for a bad size or cursor.
        """
        viewer.require(Permission.MANAGE_PRODUCTS)
        size, before = page_size(first), decode_id_cursor(after)
        await self._collect(product_ids)
        pages = await self.store.pages(product_ids, before=before, limit=size + 1)
        totals = Totals(lambda: self.store.counts(product_ids))

        def page(product_id: ProductId) -> Page[Movement]:
            rows = pages[product_id]
            return Page(
                rows=[(movement, (movement.id,)) for movement in rows[:size]],
                has_next=len(rows) > size,
                has_previous=before is not None,
                total=partial(totals.of, product_id),
            )

        return [page(product_id) for product_id in product_ids]

    async def collect(self) -> bool:
        """Move what is in the documents of products to where it is read; whether there may be more.

        Each step may be repeated, and several processes may be at it.
        """
        pending = await self.store.pending(limit=BATCH)
        await self._collect(pending)
        return len(pending) == BATCH

    async def purge(self, *, keep: timedelta) -> bool:
        """Delete one batch of what is older than that; whether there may be more."""
        return await self.store.purge(before=self.clock() - keep, limit=PURGE_BATCH) == PURGE_BATCH

    async def _collect(self, product_ids: Sequence[ProductId]) -> None:
        if not product_ids:
            return
        copied = await self.store.copy(product_ids)
        self.after_write("movements.copied")
        for product_id, movement_ids in copied.items():
            await self.store.forget(product_id, movement_ids)
            self.after_write("movements.forgotten")

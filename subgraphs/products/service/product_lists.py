"""Lists of products, page by page; those of many categories at once."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.pagination import Page, page_size
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import Listing, cursor_key
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.domain.products import Product
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.totals import Totals
from subgraphs.products.store.product_lists import ProductListStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductListService:
    store: ProductListStore
    categories: CategoryService

    async def page(self, viewer: Viewer, listing: Listing) -> Page[Product]:
        """One page of the products that the filter selects, wherever they are.

        Raises Forbidden when a viewer without MANAGE_PRODUCTS asks for what is not sold, ValidationFailed
        for a bad size or cursor.
        """
        size = _check(viewer, listing)
        wanted = listing.filter
        categories: Collection[CategoryId] | None = None
        if wanted.category_id is not None:
            categories = await self.categories.within(wanted.category_id)
        rows = await self.store.page(listing, categories=categories, limit=size + 1)
        return _page(listing, size, rows, total=lambda: self.store.count(wanted, categories=categories))

    async def pages_of(
        self, viewer: Viewer, listing: Listing, *, roots: Sequence[CategoryId]
    ) -> list[Page[Product]]:
        """The same page of each category's list, which holds what is in its subtree. Two queries for all of them.

        A third one counts all lists when the total of any is awaited. Raises as `page` does.
        """
        size = _check(viewer, listing)
        chosen = listing.filter.category_id
        subtrees = await self.categories.subtrees(roots)
        if chosen is not None:
            within = await self.categories.within(chosen)
            subtrees = {root: subtree & within for root, subtree in subtrees.items()}
        pages = await self.store.pages(listing, subtrees=subtrees, limit=size + 1)
        totals = Totals(lambda: self.store.counts(listing.filter, subtrees=subtrees))
        return [_page(listing, size, pages[root], total=partial(totals.of, root)) for root in roots]


def _check(viewer: Viewer, listing: Listing) -> int:
    """The size of the page, once it is clear that the viewer may see the list."""
    if not listing.filter.active:
        viewer.require(Permission.MANAGE_PRODUCTS)
    listing.position()
    return page_size(listing.first)


def _page(
    listing: Listing, size: int, rows: Sequence[Product], *, total: Callable[[], Awaitable[int]]
) -> Page[Product]:
    """`rows` are one more than the page where there is a next one."""
    return Page(
        rows=[(product, cursor_key(listing.order, product)) for product in rows[:size]],
        has_next=len(rows) > size,
        has_previous=listing.after is not None,
        total=total,
    )

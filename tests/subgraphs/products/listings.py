"""Lists of products as a test asks for them."""

from typing import Any

from subgraphs.kit.auth.viewer import ANONYMOUS, Viewer
from subgraphs.products.domain.lists import Listing, ProductFilter, ProductSort
from subgraphs.products.service.product_lists import ProductListService


def listing(
    *,
    sort: ProductSort = ProductSort.NEWEST,
    first: int = 100,
    after: str | None = None,
    **fields: Any,
) -> Listing:
    """A list with the filter that `fields` are."""
    return Listing(filter=ProductFilter.of(**fields), sort=sort, first=first, after=after)


async def names(product_lists: ProductListService, viewer: Viewer = ANONYMOUS, **fields: Any) -> list[str]:
    """The names of the first hundred products, in the order of their names."""
    page = await product_lists.page(viewer, listing(sort=ProductSort.NAME, **fields))
    return [product.name for product, _ in page.rows]

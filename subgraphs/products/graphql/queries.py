"""Queries of the catalogue; open to everyone."""

import strawberry

from subgraphs.kit.graphql.pagination import Connection
from subgraphs.products.domain.catalogue import CategoryId, ProductId, ProductSort
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Category, Product, list_products
from subgraphs.products.graphql.types import After, First, ProductFilter


@strawberry.type
class Query:
    @strawberry.field(description="A product by id or by SKU; null when there is none that you may see.")
    async def product(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        sku: str | None = None,
    ) -> Product | None:
        product = await info.context.products.get(
            info.context.viewer, product_id=None if id is None else ProductId(id), sku=sku
        )
        return Product.of(product) if product else None

    @strawberry.field(description="The products that are sold, page by page.")
    async def products(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: ProductFilter | None = None,
        sort: ProductSort | None = ProductSort.NEWEST,
    ) -> Connection[Product]:
        return await list_products(info, first=first, after=after, wanted=filter, sort=sort)

    @strawberry.field(
        description="The categories right below `parentId`, or at the top of the tree, by name."
    )
    async def categories(self, info: Info, parent_id: strawberry.ID | None = None) -> list[Category]:
        parent = None if parent_id is None else CategoryId(parent_id)
        (children,) = await info.context.categories.list_children([parent])
        return [Category.of(child) for child in children]

    @strawberry.field(description="A category by id or by slug; null when there is none.")
    async def category(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        slug: str | None = None,
    ) -> Category | None:
        category = await info.context.categories.get(
            category_id=None if id is None else CategoryId(id), slug=slug
        )
        return Category.of(category) if category else None

"""Queries of the catalogue; open to everyone."""

import strawberry

from subgraphs.kit.graphql.pagination import Connection
from subgraphs.kit.graphql.selections import selects
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.lists import ProductSort
from subgraphs.products.domain.products import ProductId
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Category, Product
from subgraphs.products.graphql.inputs import (
    After,
    CategoryReference,
    First,
    Prefix,
    ProductFilter,
    SearchText,
    Sku,
    Slug,
    listing,
    searching,
)
from subgraphs.products.graphql.search import ProductSearchConnection


@strawberry.type
class Query:
    @strawberry.field(description="A product by id or by SKU; null when there is none that you may see.")
    async def product(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        sku: Sku = None,
    ) -> Product | None:
        product = await info.context.products.get(
            info.context.viewer, product_id=None if id is None else ProductId(id), sku=sku
        )
        return Product.of(product) if product else None

    @strawberry.field(description="The products on sale, page by page.")
    async def products(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: ProductFilter | None = None,
        sort: ProductSort | None = ProductSort.NEWEST,
    ) -> Connection[Product]:
        asked = listing(first=first, after=after, filter=filter, sort=sort)
        page = await info.context.product_lists.page(info.context.viewer, asked)
        return Connection[Product].of(page, Product.of)

    @strawberry.field(
        description="The products on sale that contain every word of `query`, or as many as any product does, the best "
        "match first. Other forms of a word match, too; the last word may be incomplete, and a long one misspelt."
    )
    async def search_products(  # noqa: PLR0917 - arguments of the API have names, no position
        self,
        info: Info,
        query: SearchText,
        first: First = 20,
        after: After = None,
        filter: ProductFilter | None = None,
        sort: ProductSort | None = ProductSort.RELEVANCE,
    ) -> ProductSearchConnection:
        asked = searching(query=query, first=first, after=after, filter=filter, sort=sort)
        page = await info.context.search.search(
            info.context.viewer, asked, with_facets=selects(info, "facets")
        )
        return ProductSearchConnection.of(page)

    @strawberry.field(description="Completions of the last word of `prefix`, the most common first.")
    async def product_suggestions(self, info: Info, prefix: Prefix, first: First = 10) -> list[str]:
        return await info.context.search.suggest(prefix, first=10 if first is None else first)

    @strawberry.field(
        description="The categories directly below `parentId`, by name; without it, those at the top of the tree."
    )
    async def categories(self, info: Info, parent_id: CategoryReference = None) -> list[Category]:
        children = await info.context.categories.below(parent_id)
        return [Category.of(child) for child in children]

    @strawberry.field(
        description="A category by id (or what else names it) or by slug; null when there is none."
    )
    async def category(
        self,
        info: Info,
        id: CategoryReference = None,
        slug: Slug = None,
    ) -> Category | None:
        category = await info.context.categories.get(
            category_id=None if id is None else CategoryId(id), slug=slug
        )
        return Category.of(category) if category else None

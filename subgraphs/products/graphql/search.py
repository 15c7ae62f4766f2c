"""What a search answers: a connection with scores and facets."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Self

import strawberry

from subgraphs.kit.graphql.pagination import PageInfo
from subgraphs.kit.pagination import encode_cursor
from subgraphs.products.domain.categories import CategoryId
from subgraphs.products.domain.prices import rank_amount
from subgraphs.products.domain.search import facets
from subgraphs.products.graphql.context import Info
from subgraphs.products.graphql.entities import Category, Product
from subgraphs.products.service.search import SearchPage


@strawberry.type(description="A product that a search found.")
class ProductSearchEdge:
    node: Product
    score: float = strawberry.field(
        description="How well the product matches the query; comparable within one search only."
    )
    cursor: str


@strawberry.type(description="Products found in a category or below it.")
class CategoryFacet:
    count: int
    category_id: strawberry.Private[CategoryId]

    @strawberry.field
    async def category(self, info: Info) -> Category | None:
        category = await info.context.loaders.category.load(self.category_id)
        return Category.of(category) if category else None


@strawberry.type(description="Products found with a tag.")
class TagFacet:
    tag: str
    count: int


@strawberry.type(description="Products found with a price from `min` up to but not including `max`.")
class PriceRangeFacet:
    min: Decimal
    max: Decimal | None = strawberry.field(description="Null for the range without an upper end.")
    count: int


@strawberry.type(
    description="How many of the products found would remain with one more filter. Each facet ignores the filter of its "
    "own kind, and has at most 20 values, the most frequent first."
)
class ProductFacets:
    categories: list[CategoryFacet]
    tags: list[TagFacet]
    price_ranges: list[PriceRangeFacet]

    @classmethod
    def of(cls, counted: facets.Facets) -> Self:
        return cls(
            categories=[CategoryFacet(count=n, category_id=category) for category, n in counted.categories],
            tags=[TagFacet(tag=tag, count=n) for tag, n in counted.tags],
            price_ranges=[
                PriceRangeFacet(
                    min=rank_amount(each.lowest),
                    max=None if each.end is None else rank_amount(each.end),
                    count=each.count,
                )
                for each in counted.price_ranges
            ],
        )


@strawberry.type(
    description="One page of a search. Facets, sorting other than by relevance, and `totalCount` with a filter consider "
    "only the best 500 matches, or the best 2,000 with a filter."
)
class ProductSearchConnection:
    edges: list[ProductSearchEdge]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    count_facets: strawberry.Private[Callable[[], Awaitable[facets.Facets]]]

    @strawberry.field(description="The products without their scores.")
    def nodes(self) -> list[Product]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many products the search found; counted when asked for.")
    async def total_count(self) -> int:
        return await self.count()

    @strawberry.field(description="Counted when asked for.")
    async def facets(self) -> ProductFacets:
        return ProductFacets.of(await self.count_facets())

    @classmethod
    def of(cls, page: SearchPage) -> Self:
        edges = [
            ProductSearchEdge(node=Product.of(row.product), score=row.score, cursor=encode_cursor(key))
            for row, key in page.rows
        ]
        info = PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return cls(edges=edges, page_info=info, count=page.total, count_facets=page.facets)

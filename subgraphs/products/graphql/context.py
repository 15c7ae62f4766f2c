"""What a resolver of this subgraph knows of its request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import strawberry

from subgraphs.kit.graphql.context import RequestContext
from subgraphs.products.graphql.loaders import Loaders
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.product_lists import ProductListService
from subgraphs.products.service.products import ProductService


@dataclass(slots=True, kw_only=True)
class ProductsContext(RequestContext):
    products: ProductService
    product_lists: ProductListService
    categories: CategoryService
    loaders: Loaders

    def for_operation(self) -> Self:
        return replace(self, loaders=self.loaders.fresh())


Info = strawberry.Info[ProductsContext, None]


def context_factory(
    *, products: ProductService, product_lists: ProductListService, categories: CategoryService
) -> Callable[[RequestContext], ProductsContext]:
    def make(request: RequestContext) -> ProductsContext:
        return ProductsContext(
            **request.shared(),
            products=products,
            product_lists=product_lists,
            categories=categories,
            loaders=Loaders(products=products, product_lists=product_lists, categories=categories),
        )

    return make

"""What a resolver of this subgraph knows of its request."""

from dataclasses import dataclass

import strawberry

from subgraphs.kit.graphql.context import RequestContext
from subgraphs.products.graphql.loaders import Loaders
from subgraphs.products.service.categories import CategoryService
from subgraphs.products.service.category_tree import CategoryTree
from subgraphs.products.service.images import ImageService
from subgraphs.products.service.product_lists import ProductListService
from subgraphs.products.service.products import ProductService
from subgraphs.products.service.search import SearchService


@dataclass(slots=True, kw_only=True)
class ProductsContext(RequestContext):
    products: ProductService
    product_lists: ProductListService
    search: SearchService
    categories: CategoryService
    category_tree: CategoryTree
    images: ImageService
    loaders: Loaders


Info = strawberry.Info[ProductsContext, None]

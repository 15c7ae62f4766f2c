"""Mutations of the catalogue; each needs MANAGE_PRODUCTS. User errors are members of the result."""

import strawberry

from subgraphs.products.graphql.mutations.categories import CategoryMutations
from subgraphs.products.graphql.mutations.images import ImageMutations
from subgraphs.products.graphql.mutations.products import ProductMutations
from subgraphs.products.graphql.mutations.stock import StockMutations


@strawberry.type
class Mutation(ProductMutations, StockMutations, CategoryMutations, ImageMutations):
    pass

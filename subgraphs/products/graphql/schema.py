"""The subgraph's schema."""

from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.products.graphql.entities import Category, Product
from subgraphs.products.graphql.mutations import Mutation
from subgraphs.products.graphql.queries import Query

schema = SubgraphSchema(query=Query, mutation=Mutation, types=[Product, Category])

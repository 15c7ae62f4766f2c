"""The orders subgraph's schema."""

from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.orders.graphql.mutations import Mutation
from subgraphs.orders.graphql.queries import Query
from subgraphs.orders.graphql.subscriptions import Subscription

schema = SubgraphSchema(query=Query, mutation=Mutation, subscription=Subscription)

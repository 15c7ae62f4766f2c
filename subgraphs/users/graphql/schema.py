"""The schema, put together."""

from subgraphs.kit.graphql.schema import SubgraphSchema
from subgraphs.users.graphql.mutations import Mutation
from subgraphs.users.graphql.queries import Query

schema = SubgraphSchema(query=Query, mutation=Mutation)
